/*
 * json: reads a request, which is an object whose values are texts, numbers, true, false, null or
 * one further such object (`env`, `parameters`), and nothing deeper.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_FIELDS_MAX 256

enum json_kind { JSON_TEXT, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

struct json_field {
    const char *object; /* the key of the inner object it is in, or NULL */
    const char *key;
    enum json_kind kind;
    const char *text; /* of JSON_TEXT */
    double number;    /* of JSON_NUMBER; finite */
};

struct json {
    struct json_field fields[JSON_FIELDS_MAX];
    size_t count;
};

/*
 * Reads `line` (a NUL after its n bytes), which is changed: the texts of *ret point into it.
 * Returns 0, or -1 for anything that is not such an object.
 */
int json_read(struct json *ret, char *line, size_t n);

/* NULL when there is none. `object` may be NULL. */
const struct json_field *json_find(const struct json *j, const char *object, const char *key);

/* The text of the request itself at `key`, or NULL. */
const char *json_text(const struct json *j, const char *key);

/* The whole number at `key` into *ret, when it is there and within min and max. */
bool json_integer(const struct json *j, const char *object, const char *key, int64_t min,
                  int64_t max, int64_t *ret);
