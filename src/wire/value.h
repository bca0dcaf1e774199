/*
 * value: a line of JSON taken apart, in one pass and one allocation.
 *
 * The values stand in one array in the order of the line: after an object its keys and members in
 * turn, after a list its items. `end` of a value is the index of what follows it and all within it.
 *
 * Strict, because the line is foreign: refused is what is not JSON (RFC 8259), a text that is not
 * UTF-8 or holds a NUL, half a pair of surrogates, a repeated key, a number that a double or an
 * int64_t does not hold, and more than the bounds below.
 *
 * Plain data of its caller; no state.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define VALUE_DEPTH_MAX 16    /* of lists and objects in each other */
#define VALUE_MEMBERS_MAX 512 /* of one object: each key is compared with those before it */

enum value_kind {
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_INTEGER,
    VALUE_REAL,
    VALUE_TEXT,
    VALUE_LIST,
    VALUE_OBJECT
};

struct value {
    enum value_kind kind;
    uint32_t end;
    union {
        int64_t integer;
        double real; /* finite */
        struct {
            const char *text; /* in the line, unescaped, a NUL after it */
            size_t len;
        };
    };
};

struct values {
    struct value *items; /* the first one is the whole line */
    size_t count;
    size_t cap;
    char *copy; /* of the line, where it is theirs */
};

/*
 * Reads the n bytes at `line`, after which stands a NUL; texts are unescaped where they stand, and
 * *ret points into it. Fails with ERROR_BAD_OUTPUT, the byte in the sentence, or ERROR_INTERNAL.
 */
int values_read(char *line, size_t n, struct values *ret, struct error *err) must_use;

/* Reads a text that stays as it is: *ret points into a copy, which goes with it. */
int values_read_copy(const char *text, struct values *ret, struct error *err) must_use;
void values_done(struct values *v);

/* NAN for what is no number. */
double value_number(const struct value *v);

/* The member of an object that has this key; NULL when there is none, or `object` is none. */
const struct value *value_member(const struct values *all, const struct value *object,
                                 const char *key);

/*
 * Goes through a list, or through the keys and members of an object in turn: the first, and what
 * follows `at`. NULL at the end.
 */
const struct value *value_first(const struct values *all, const struct value *within);
const struct value *value_next(const struct values *all, const struct value *within,
                               const struct value *at);
