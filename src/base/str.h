/*
 * str: a byte string that grows.
 *
 * `struct str s = {0};` is an empty string. The str_add functions append; when memory runs out the
 * string is marked as failed and every later append does nothing, so that a text is built without
 * a check at each step and checked once at its end, by str_take() or s.failed. `data` is always
 * followed by a NUL byte once anything was appended, and NULL before.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct str {
    char *data;
    size_t len;
    size_t cap;
    bool failed;
};

void str_done(struct str *s);
void str_clear(struct str *s); /* empties it, keeps its memory */

/* Makes room for `more` bytes after len and returns where they start, or NULL. */
char *str_room(struct str *s, size_t more);

/* Inlined, because documents and log lines are built from thousands of short pieces. */
static inline void str_add_bytes(struct str *s, const void *bytes, size_t n) {
    char *to = !s->failed && s->cap - s->len > n ? s->data + s->len : str_room(s, n);
    if (!to)
        return;
    if (n)
        memcpy(to, bytes, n);
    to[n] = '\0';
    s->len += n;
}

static inline void str_add(struct str *s, const char *text) {
    str_add_bytes(s, text, strlen(text));
}

static inline void str_add_char(struct str *s, char c) {
    str_add_bytes(s, &c, 1);
}

void str_addf(struct str *s, const char *format, ...) printf_like(2, 3);
void str_add_int(struct str *s, int64_t n);

/* Hands the text over (the caller frees it) and leaves an empty string; NULL when it has failed. */
char *str_take(struct str *s) must_use;
