/* units: see units.h. Pure. */
#include "base/units.h"

#include "base/clock.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 200

struct unit {
    const char *name;
    double factor;
};

static const struct unit durations[] = {{"ms", 1e6},   {"s", 1e9},     {"m", 60e9},
                                        {"h", 3600e9}, {"d", 86400e9}, {NULL, 0}};
static const struct unit sizes[] = {{"B", 1},
                                    {"KiB", 1024.0},
                                    {"MiB", 1048576.0},
                                    {"GiB", 1073741824.0},
                                    {"TiB", 1099511627776.0},
                                    {"kB", 1e3},
                                    {"MB", 1e6},
                                    {"GB", 1e9},
                                    {"TB", 1e12},
                                    {NULL, 0}};

/* digits [. digits], by hand: strtod() would also take "inf", "0x1p3" and the locale's comma */
static const char *read_number(const char *p, double *ret) {
    double n = 0;
    const char *start = p;
    for (; isdigit((unsigned char)*p); p++)
        n = n * 10 + (*p - '0');
    if (p == start)
        return NULL;
    if (*p == '.') {
        double digit = 0.1;
        const char *point = p++;
        for (; isdigit((unsigned char)*p); p++, digit /= 10)
            n += (*p - '0') * digit;
        if (p == point + 1)
            return NULL;
    }
    *ret = n;
    return p;
}

static size_t skip_digits(const char **p) {
    const char *start = *p;
    while (isdigit((unsigned char)**p))
        (*p)++;
    return (size_t)(*p - start);
}

/* The shape is checked here; strtod() then only has to round. The program's locale is "C". */
int number_parse(const char *text, size_t n, double *ret) {
    char copy[NUMBER_MAX + 1];
    if (n > NUMBER_MAX)
        return -1;
    memcpy(copy, text, n);
    copy[n] = '\0';
    const char *p = copy;
    if (*p == '+' || *p == '-')
        p++;
    size_t digits = skip_digits(&p);
    if (*p == '.') {
        p++;
        digits += skip_digits(&p);
    }
    if (digits == 0)
        return -1;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-')
            p++;
        if (skip_digits(&p) == 0)
            return -1;
    }
    if (p != copy + n)
        return -1;
    double number = strtod(copy, NULL);
    if (!isfinite(number))
        return -1;
    *ret = number;
    return 0;
}

static const struct unit *find_unit(const struct unit *units, const char *name) {
    for (const struct unit *u = units; u->name; u++)
        if (strcmp(u->name, name) == 0)
            return u;
    return NULL;
}

int duration_parse(const char *text, int64_t *ret, struct error *err) {
    double n;
    const char *rest = read_number(text, &n);
    if (rest && !*rest)
        return error_set(
            err, ERROR_USAGE,
            "the duration '%.40s' has no unit: write %.40ss for seconds, or ms, m, h, d", text,
            text);
    const struct unit *u = rest ? find_unit(durations, rest) : NULL;
    if (!u)
        return error_set(
            err, ERROR_USAGE,
            "'%.40s' is not a duration: write a number and ms, s, m, h or d, as in 90s", text);
    double ns = n * u->factor + 0.5;
    if (ns < 1 || ns >= 9e18)
        return error_set(err, ERROR_USAGE, "the duration '%.40s' is %s", text,
                         ns < 1 ? "zero" : "too long");
    *ret = (int64_t)ns;
    return 0;
}

int duration_parse_zero(const char *text, int64_t *ret, struct error *err) {
    size_t zero = strspn(text, "0");
    if (zero > 0 && text[zero] == '.')
        zero += 1 + strspn(text + zero + 1, "0");
    if (zero == 0 || (text[zero] && !find_unit(durations, text + zero)))
        return duration_parse(text, ret, err);
    *ret = 0;
    return 0;
}

void duration_format(int64_t ns, char out[DURATION_TEXT]) {
    if (ns >= 3600 * CLOCK_S && ns % (3600 * CLOCK_S) == 0)
        snprintf(out, DURATION_TEXT, "%lldh", (long long)(ns / (3600 * CLOCK_S)));
    else if (ns >= 120 * CLOCK_S && ns % (60 * CLOCK_S) == 0)
        snprintf(out, DURATION_TEXT, "%lldm", (long long)(ns / (60 * CLOCK_S)));
    else if (ns >= 100000 * CLOCK_S) /* from here on, %g would write an exponent */
        snprintf(out, DURATION_TEXT, "%llds",
                 (long long)(ns / CLOCK_S + (ns % CLOCK_S >= CLOCK_S / 2)));
    else if (ns >= CLOCK_S)
        snprintf(out, DURATION_TEXT, "%.6gs", (double)ns / 1e9);
    else
        snprintf(out, DURATION_TEXT, ns < 100 ? "%.6fms" : "%.6gms", (double)ns / 1e6);
}

int size_parse(const char *text, int64_t *ret, struct error *err) {
    double n;
    const char *rest = read_number(text, &n);
    const struct unit *u = rest ? find_unit(sizes, *rest ? rest : "B") : NULL;
    if (!u)
        return error_set(err, ERROR_USAGE,
                         "'%.40s' is not a size: write a number and B, KiB, MiB, GiB or TiB", text);
    if (n * u->factor >= 9e18)
        return error_set(err, ERROR_USAGE, "the size '%.40s' is too large", text);
    *ret = (int64_t)(n * u->factor);
    return 0;
}

int share_parse(const char *text, struct share *ret, struct error *err) {
    double n;
    const char *rest = read_number(text, &n);
    bool percent = rest && strcmp(rest, "%") == 0;
    if (!rest || (*rest && !percent) || (percent ? n > 100 : n > 1e9 || n != floor(n)))
        return error_set(err, ERROR_USAGE,
                         "'%.40s' is neither a whole number nor a percentage, such as 30%%", text);
    *ret = (struct share){percent ? SHARE_PERCENT : SHARE_COUNT, n};
    return 0;
}

void share_format(struct share s, char out[SHARE_TEXT]) {
    snprintf(out, SHARE_TEXT, "%.10g%s", s.number, s.kind == SHARE_PERCENT ? "%" : "");
}

bool share_exceeded(struct share s, size_t n, size_t whole) {
    switch (s.kind) {
    case SHARE_COUNT:
        return (double)n > s.number;
    case SHARE_PERCENT:
        return (double)n * 100 > s.number * (double)whole;
    default:
        return false;
    }
}
