/* str: see str.h. Plain data of its caller; no locking. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void str_done(struct str *s) {
    free(s->data);
    *s = (struct str){0};
}

void str_clear(struct str *s) {
    s->len = 0;
    s->failed = false;
    if (s->data)
        s->data[0] = '\0';
}

char *str_room(struct str *s, size_t more) {
    if (s->failed)
        return NULL;
    size_t need = s->len + more + 1;
    if (need < more) {
        s->failed = true;
        return NULL;
    }
    if (need > s->cap) {
        size_t cap = s->cap ? s->cap : 64;
        while (cap < need)
            cap = cap > SIZE_MAX / 2 ? need : cap * 2;
        char *data = realloc(s->data, cap);
        if (!data) {
            s->failed = true;
            return NULL;
        }
        s->data = data;
        s->cap = cap;
    }
    return s->data + s->len;
}

void str_addf(struct str *s, const char *format, ...) {
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n < 0) {
        s->failed = true;
        return;
    }
    if ((size_t)n < sizeof(small)) {
        str_add_bytes(s, small, (size_t)n);
        return;
    }
    char *to = str_room(s, (size_t)n);
    if (!to)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    s->len += (size_t)n;
}

void str_add_int(struct str *s, int64_t n) {
    char digits[24];
    char *p = digits + sizeof(digits);
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (n < 0)
        *--p = '-';
    str_add_bytes(s, p, (size_t)(digits + sizeof(digits) - p));
}

char *str_take(struct str *s) {
    if (!s->failed && !s->data)
        str_add_bytes(s, "", 0);
    if (s->failed) {
        str_done(s);
        return NULL;
    }
    char *data = s->data;
    *s = (struct str){0};
    return data;
}
