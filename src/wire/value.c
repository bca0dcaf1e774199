/*
 * value: see value.h.
 *
 * Every byte of the line is before its NUL, which is no part of any value, so that one byte can be
 * looked at without asking whether there is one. Errors need no more than a place: whoever reads
 * the sentence sees the line itself too.
 */
#include "wire/value.h"

#include "base/text.h"
#include "base/vec.h"

#include <math.h>
#include <string.h>

#define TYPICAL 32 /* values in one line; more of them cost an allocation more */

struct reader {
    struct values *values;
    char *start;
    char *at;
    char *end;
    bool no_memory;
};

/* Returns the index of a new value, or -1. Indices, because adding moves the array. */
static ssize_t add(struct reader *r, struct value value) {
    struct values *v = r->values;
    if (v->count >= UINT32_MAX)
        return -1;
    if (vec_reserve(&v->items, &v->cap, v->count < TYPICAL ? TYPICAL : v->count + 1,
                    sizeof(*v->items)) < 0) {
        r->no_memory = true;
        return -1;
    }
    value.end = (uint32_t)v->count + 1;
    v->items[v->count] = value;
    return (ssize_t)v->count++;
}

static int add_value(struct reader *r, struct value value) {
    return add(r, value) < 0 ? -1 : 0;
}

static void skip_space(struct reader *r) {
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n')
        r->at++;
}

static bool take(struct reader *r, char c) {
    skip_space(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* ---- texts ---- */

/* Four hex digits, or -1. */
static int read_hex4(const char *p) {
    int n = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        n = n << 4 | digit;
    }
    return n;
}

/* What follows \u, a pair of surrogates as one character; -1 for NUL and for half a pair. */
static int read_unicode(struct reader *r) {
    int c = read_hex4(r->at);
    if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff))
        return -1;
    r->at += 4;
    if (c < 0xd800 || c > 0xdbff)
        return c;
    int low = r->at[0] == '\\' && r->at[1] == 'u' ? read_hex4(r->at + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    r->at += 6;
    return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* No character is longer in UTF-8 than its escape. */
static char *put_utf8(char *to, int c) {
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const int first[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(first[more] | c >> 6 * more);
    while (more-- > 0)
        *to++ = (char)(0x80 | (c >> 6 * more & 63));
    return to;
}

/* What follows a backslash. Returns where the next byte goes, or NULL. */
static char *unescape(struct reader *r, char *to) {
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = *r->at;
    if (c == '\0')
        return NULL;
    r->at++;
    if (c == 'u') {
        int unicode = read_unicode(r);
        return unicode < 0 ? NULL : put_utf8(to, unicode);
    }
    for (const char *e = escapes; *e; e += 2)
        if (*e == c) {
            *to++ = e[1];
            return to;
        }
    return NULL;
}

/* A character of a text that is one byte and stands for itself. */
static bool is_plain(char c) {
    return (signed char)c >= ' ' && c != '"' && c != '\\';
}

/* Reads what follows the opening quote. It only gets shorter, so it is unescaped where it stands.
 */
static int read_text(struct reader *r) {
    char *start = r->at, *to = start;
    while (*r->at != '"') {
        if (*r->at == '\\') {
            r->at++;
            to = unescape(r, to);
            if (!to)
                return -1;
            continue;
        }
        char *run = r->at;
        while (is_plain(*r->at))
            r->at++;
        if (run == r->at) {
            size_t len = text_utf8_length(run, (size_t)(r->end - run));
            if (len < 2) /* a control character, the line's end among them */
                return -1;
            r->at += len;
        }
        if (to != run)
            memmove(to, run, (size_t)(r->at - run));
        to += r->at - run;
    }
    r->at++;
    *to = '\0';
    return add_value(
        r, (struct value){.kind = VALUE_TEXT, .text = start, .len = (size_t)(to - start)});
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct reader *r) {
    char *start = r->at;
    while (*r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - start);
}

/* Returns 1 for a real, 0 for an integer, -1 for neither. */
static int skip_number(struct reader *r) {
    bool real = false;
    if (*r->at == '-')
        r->at++;
    bool zero = *r->at == '0';
    size_t digits = skip_digits(r);
    if (digits == 0 || (zero && digits > 1))
        return -1;
    if (*r->at == '.') {
        real = true;
        r->at++;
        if (skip_digits(r) == 0)
            return -1;
    }
    if (*r->at == 'e' || *r->at == 'E') {
        real = true;
        r->at++;
        if (*r->at == '+' || *r->at == '-')
            r->at++;
        if (skip_digits(r) == 0)
            return -1;
    }
    return real;
}

static int read_number(struct reader *r) {
    const char *p = r->at;
    int real = skip_number(r);
    if (real < 0)
        return -1;
    if (real) {
        double x = strtod(p, NULL);
        return isfinite(x) ? add_value(r, (struct value){.kind = VALUE_REAL, .real = x}) : -1;
    }
    int64_t n = 0;
    bool minus = *p == '-';
    for (p += minus; p < r->at; p++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, minus ? '0' - *p : *p - '0', &n))
            return -1;
    return add_value(r, (struct value){.kind = VALUE_INTEGER, .integer = n});
}

static int read_word(struct reader *r, const char *word, enum value_kind kind) {
    size_t n = strlen(word);
    if (strncmp(r->at, word, n) != 0)
        return -1;
    r->at += n;
    return add_value(r, (struct value){.kind = kind});
}

/* ---- what holds others ---- */

static int read_value(struct reader *r, int depth);

static bool has_key(const struct values *v, size_t object, const char *key) {
    for (size_t i = object + 1; i + 1 < v->count; i = v->items[i + 1].end)
        if (strcmp(v->items[i].text, key) == 0)
            return true;
    return false;
}

static int read_members(struct reader *r, size_t object, int depth) {
    struct values *v = r->values;
    if (take(r, '}'))
        return 0;
    size_t members = 0;
    do {
        size_t key = v->count;
        if (++members > VALUE_MEMBERS_MAX || !take(r, '"') || read_text(r) < 0 ||
            has_key(v, object, v->items[key].text) || !take(r, ':') || read_value(r, depth) < 0)
            return -1;
    } while (take(r, ','));
    return take(r, '}') ? 0 : -1;
}

static int read_items(struct reader *r, int depth) {
    if (take(r, ']'))
        return 0;
    do
        if (read_value(r, depth) < 0)
            return -1;
    while (take(r, ','));
    return take(r, ']') ? 0 : -1;
}

static int read_within(struct reader *r, enum value_kind kind, int depth) {
    ssize_t at = add(r, (struct value){.kind = kind});
    if (at < 0 || depth == VALUE_DEPTH_MAX)
        return -1;
    int rc =
        kind == VALUE_OBJECT ? read_members(r, (size_t)at, depth + 1) : read_items(r, depth + 1);
    r->values->items[at].end = (uint32_t)r->values->count;
    return rc;
}

static int read_value(struct reader *r, int depth) {
    skip_space(r);
    switch (*r->at) {
    case '{':
        r->at++;
        return read_within(r, VALUE_OBJECT, depth);
    case '[':
        r->at++;
        return read_within(r, VALUE_LIST, depth);
    case '"':
        r->at++;
        return read_text(r);
    case 't':
        return read_word(r, "true", VALUE_TRUE);
    case 'f':
        return read_word(r, "false", VALUE_FALSE);
    case 'n':
        return read_word(r, "null", VALUE_NULL);
    default:
        return read_number(r);
    }
}

/* ---- the interface ---- */

int values_read(char *line, size_t n, struct values *ret, struct error *err) {
    struct values values = {0};
    struct reader r = {.values = &values, .start = line, .at = line, .end = line + n};
    int rc = read_value(&r, 0);
    skip_space(&r);
    if (rc == 0 && r.at == r.end) {
        *ret = values;
        return 0;
    }
    values_done(&values);
    if (r.no_memory)
        return error_memory(err);
    return error_set(err, ERROR_BAD_OUTPUT, "not JSON at byte %td", r.at - r.start + 1);
}

int values_read_copy(const char *text, struct values *ret, struct error *err) {
    size_t n = strlen(text);
    char *copy = strdup(text);
    if (!copy)
        return error_memory(err);
    if (values_read(copy, n, ret, err) < 0) {
        free(copy);
        return -1;
    }
    ret->copy = copy;
    return 0;
}

void values_done(struct values *v) {
    free(v->items);
    free(v->copy);
    *v = (struct values){0};
}

double value_number(const struct value *v) {
    if (v->kind == VALUE_INTEGER)
        return (double)v->integer;
    return v->kind == VALUE_REAL ? v->real : NAN;
}

const struct value *value_first(const struct values *all, const struct value *within) {
    size_t at = (size_t)(within - all->items) + 1;
    return at < within->end ? &all->items[at] : NULL;
}

const struct value *value_next(const struct values *all, const struct value *within,
                               const struct value *at) {
    return at->end < within->end ? &all->items[at->end] : NULL;
}

const struct value *value_member(const struct values *all, const struct value *object,
                                 const char *key) {
    if (object->kind != VALUE_OBJECT)
        return NULL;
    for (const struct value *k = value_first(all, object); k;
         k = value_next(all, object, k + 1)) /* a key is followed by its member */
        if (strcmp(k->text, key) == 0)
            return k + 1;
    return NULL;
}
