/*
 * ansiblerange: see ansiblerange.h. A pattern is read from the left; each range multiplies the
 * names that stand so far, which bounds the work by ANSIBLERANGE_MAX before any name is made.
 */
#include "input/ansiblerange.h"

#include "base/str.h"
#include "model/server.h"

#include <stdio.h>
#include <string.h>

const char ansiblerange_no_memory[] = "out of memory";

#define DIGITS 9
#define DEEP 8 /* ranges in one pattern */

struct range {
    size_t at, end; /* of its brackets in the pattern; end is behind */
    long first, last, step;
    int width;    /* of numbers, 0: as they are */
    bool letters; /* first and last count from 'a' */
};

struct pattern {
    const char *text;
    size_t len; /* without the port */
    struct range ranges[DEEP];
    size_t count;
    size_t names; /* that they stand for */
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* a to z are 0 to 25, A to Z 26 to 51; else -1 */
static int letter_of(char c) {
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= 'A' && c <= 'Z' ? c - 'A' + 26 : -1;
}

static char letter(long n) {
    return (char)(n < 26 ? 'a' + n : 'A' + n - 26);
}

static size_t digits(const char *p) {
    size_t n = 0;
    while (is_digit(p[n]))
        n++;
    return n;
}

static size_t bound_length(const char *p) {
    return letter_of(*p) >= 0 ? 1 : digits(p);
}

bool ansiblerange_at(const char *open) {
    const char *p = open + 1 + bound_length(open + 1);
    if (*open != '[' || *p != ':')
        return false;
    p++;
    size_t last = bound_length(p);
    p += last;
    if (*p == ':')
        p += 1 + digits(p + 1);
    return last > 0 && *p == ']';
}

/* Of DIGITS at most; more are refused. */
static long number(const char *p) {
    long n = 0;
    for (int i = 0; i < DIGITS && is_digit(p[i]); i++)
        n = n * 10 + (p[i] - '0');
    return n;
}

static const char *check(const struct range *r, size_t first, size_t last, size_t step) {
    if (first > DIGITS || last > DIGITS || step > DIGITS)
        return "a number has at most 9 digits";
    if (r->width && first != last)
        return "both ends of a padded range must have the same number of digits";
    if (r->last < r->first)
        return "the range runs backwards";
    return r->step < 1 ? "a step is at least 1" : NULL;
}

/* Fills *r from what stands at text[r->at]. */
static const char *read_range(const char *text, struct range *r) {
    const char *p = text + r->at + 1;
    size_t first = bound_length(p);
    const char *q = p + first + 1, *expected = "a range is [first:last] or [first:last:step]";
    if (!ansiblerange_at(text + r->at))
        return expected;
    size_t last = bound_length(q);
    r->letters = letter_of(*p) >= 0;
    if (r->letters != (letter_of(*q) >= 0))
        return expected;
    r->step = q[last] == ':' ? number(q + last + 1) : 1;
    size_t step = q[last] == ':' ? digits(q + last + 1) : 1;
    r->first = r->letters ? letter_of(*p) : number(p);
    r->last = r->letters ? letter_of(*q) : number(q);
    r->width = !r->letters && first > 1 && *p == '0' ? (int)first : 0;
    r->end = r->at + strcspn(text + r->at, "]") + 1;
    return check(r, first, last, step);
}

static const char *read_ranges(struct pattern *p, size_t *at) {
    p->names = 1;
    for (size_t i = 0; i < p->len;) {
        i += strcspn(p->text + i, "[]");
        if (i >= p->len)
            break;
        *at = i;
        if (p->text[i] == ']')
            return "this ']' has no '['";
        if (p->count == DEEP)
            return "these are too many ranges";
        struct range *r = &p->ranges[p->count++];
        *r = (struct range){.at = i};
        const char *mistake = read_range(p->text, r);
        if (mistake)
            return mistake;
        size_t count = (size_t)((r->last - r->first) / r->step) + 1;
        if (count > ANSIBLERANGE_MAX / p->names)
            return "this stands for more than a million names";
        p->names *= count;
        i = r->end;
    }
    return NULL;
}

/* The name of this number, the last range running fastest. */
static void add_name(const struct pattern *p, size_t index, struct str *out) {
    long values[DEEP];
    for (size_t i = p->count; i-- > 0;) {
        const struct range *r = &p->ranges[i];
        size_t count = (size_t)((r->last - r->first) / r->step) + 1;
        values[i] = r->first + (long)(index % count) * r->step;
        index /= count;
    }
    size_t from = 0;
    str_clear(out);
    for (size_t i = 0; i < p->count; i++) {
        const struct range *r = &p->ranges[i];
        str_add_bytes(out, p->text + from, r->at - from);
        if (r->letters)
            str_add_char(out, letter(values[i]));
        else
            str_addf(out, "%0*ld", r->width, values[i]);
        from = r->end;
    }
    str_add_bytes(out, p->text + from, p->len - from);
}

/* Takes a port off the end: behind the only colon, or behind the bracket of an address. */
static const char *read_port(struct pattern *p, int *port, size_t *at) {
    const char *colon = memrchr(p->text, ':', p->len);
    *port = 0;
    if (!colon || strchr(colon, ']'))
        return NULL;
    for (const char *c = p->text; c < colon; c++)
        if (*c == '[' && ansiblerange_at(c))
            c += strcspn(c, "]");
        else if (*c == ':' && colon[-1] != ']')
            return NULL; /* an IPv6 address */
    *at = (size_t)(colon - p->text) + 1;
    size_t n = digits(colon + 1);
    if (n == 0 || n > 5 || colon[1 + n] || number(colon + 1) < 1 || number(colon + 1) > 65535)
        return "a port is a number from 1 to 65535";
    *port = (int)number(colon + 1);
    p->len = (size_t)(colon - p->text);
    return NULL;
}

/* [2001:db8::7] is an address: nothing in it is a range. */
static bool is_address(const struct pattern *p) {
    return p->len > 2 && p->text[0] == '[' && p->text[p->len - 1] == ']' &&
           !ansiblerange_at(p->text);
}

static const char *make(const struct pattern *p, struct names *ret, size_t *column) {
    cleanup(str_done) struct str name = {0};
    for (size_t i = 0; i < p->names; i++) {
        add_name(p, i, &name);
        if (name.failed)
            return ansiblerange_no_memory;
        const char *mistake = server_mistake(name.data ? name.data : "", name.len, column);
        if (mistake)
            return mistake;
        if (names_add(ret, name.data, name.len) < 0)
            return ansiblerange_no_memory;
    }
    return NULL;
}

const char *ansiblerange_expand(const char *pattern, struct names *ret, int *port, size_t *column) {
    struct pattern p = {.text = pattern, .len = strlen(pattern), .names = 1};
    size_t at = 0, before = ret->count;
    const char *mistake = read_port(&p, port, &at);
    if (!mistake && is_address(&p)) {
        p.text++;
        p.len -= 2;
    } else if (!mistake) {
        mistake = read_ranges(&p, &at);
    }
    *column = at + 1;
    if (!mistake)
        mistake = make(&p, ret, column);
    if (mistake)
        names_truncate(ret, before);
    return mistake;
}
