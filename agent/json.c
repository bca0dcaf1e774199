/*
 * json: see json.h. One pass over the line, texts unescaped in place, no allocation.
 *
 * The requests come from muster, so a mistake in them is a bug and needs no better answer than -1;
 * but a server must not run what it did not fully understand, so the reader is strict.
 */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct json *json;
    char *at; /* always before the NUL that ends the line, or on it */
};

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

/* Four hex digits, or -1. */
static long read_hex4(const char *p) {
    long n = 0;
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

static char *put_utf8(char *to, long c) {
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 63));
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    }
    return to;
}

/* What follows \u, a pair of surrogates as one character; -1 for NUL and for half a pair. */
static long read_unicode(struct reader *r) {
    long c = read_hex4(r->at);
    if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff))
        return -1;
    r->at += 4;
    if (c < 0xd800 || c > 0xdbff)
        return c;
    long low = r->at[0] == '\\' && r->at[1] == 'u' ? read_hex4(r->at + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    r->at += 6;
    return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* A text, unescaped where it stands (it only gets shorter); NULL when it is none. */
static const char *read_text(struct reader *r) {
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (!take(r, '"'))
        return NULL;
    char *start = r->at, *to = start;
    while (*r->at != '"') {
        char c = *r->at++;
        if ((unsigned char)c < 0x20)
            return NULL; /* the line's end among them */
        if (c != '\\') {
            *to++ = c;
            continue;
        }
        c = *r->at++;
        if (c == 'u') {
            long unicode = read_unicode(r);
            if (unicode < 0)
                return NULL;
            to = put_utf8(to, unicode);
            continue;
        }
        const char *escape = escapes;
        while (*escape && *escape != c)
            escape += 2;
        if (!*escape)
            return NULL;
        *to++ = escape[1];
    }
    r->at++;
    *to = '\0';
    return start;
}

static int read_number(struct reader *r, double *ret) {
    if (*r->at != '-' && (*r->at < '0' || *r->at > '9'))
        return -1;
    size_t n = strspn(r->at, "0123456789+-.eE");
    char *end;
    *ret = strtod(r->at, &end);
    if (end != r->at + n || !isfinite(*ret))
        return -1;
    r->at = end;
    return 0;
}

static bool read_word(struct reader *r, const char *word) {
    size_t n = strlen(word);
    if (strncmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static int read_object(struct reader *r, const char *name);

static int read_value(struct reader *r, const char *object, const char *key) {
    skip_space(r);
    if (*r->at == '{')
        return object ? -1 : read_object(r, key);
    if (r->json->count == JSON_FIELDS_MAX)
        return -1;
    struct json_field f = {.object = object, .key = key};
    if (*r->at == '"') {
        f.kind = JSON_TEXT;
        f.text = read_text(r);
        if (!f.text)
            return -1;
    } else if (read_word(r, "true")) {
        f.kind = JSON_TRUE;
    } else if (read_word(r, "false")) {
        f.kind = JSON_FALSE;
    } else if (read_word(r, "null")) {
        f.kind = JSON_NULL;
    } else {
        f.kind = JSON_NUMBER;
        if (read_number(r, &f.number) != 0)
            return -1;
    }
    r->json->fields[r->json->count++] = f;
    return 0;
}

/* `name` is the object's key, NULL for the request itself. */
static int read_object(struct reader *r, const char *name) {
    if (!take(r, '{'))
        return -1;
    if (take(r, '}'))
        return 0;
    do {
        const char *key = read_text(r);
        if (!key || json_find(r->json, name, key) || !take(r, ':') || read_value(r, name, key) != 0)
            return -1;
    } while (take(r, ','));
    return take(r, '}') ? 0 : -1;
}

int json_read(struct json *ret, char *line, size_t n) {
    struct reader r = {.json = ret, .at = line};
    ret->count = 0;
    if (read_object(&r, NULL) != 0)
        return -1;
    skip_space(&r);
    return r.at == line + n ? 0 : -1;
}

const struct json_field *json_find(const struct json *j, const char *object, const char *key) {
    for (size_t i = 0; i < j->count; i++) {
        const struct json_field *f = &j->fields[i];
        bool same = object ? f->object && strcmp(f->object, object) == 0 : !f->object;
        if (same && strcmp(f->key, key) == 0)
            return f;
    }
    return NULL;
}

const char *json_text(const struct json *j, const char *key) {
    const struct json_field *f = json_find(j, NULL, key);
    return f && f->kind == JSON_TEXT ? f->text : NULL;
}

bool json_integer(const struct json *j, const char *object, const char *key, int64_t min,
                  int64_t max, int64_t *ret) {
    const struct json_field *f = json_find(j, object, key);
    if (!f || f->kind != JSON_NUMBER || f->number != rint(f->number) || f->number < (double)min ||
        f->number > (double)max)
        return false;
    *ret = (int64_t)f->number;
    return true;
}
