/*
 * units: numbers, durations and sizes as people and programs write them.
 *
 * A duration is a number (a decimal point is allowed) and one of ms, s, m, h, d, without a space:
 * 20ms, 1.5s, 5m, 2h, 90d of 24 hours. A number without a unit is an error, because it would be
 * read as seconds by one person and as milliseconds by the next.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads all n bytes as one decimal number: an optional sign, digits with at most one point among
 * them, an optional exponent. Returns 0, or -1 for anything else: blanks, "inf", "nan",
 * hexadecimal, thousands separators, a number that overflows, or one of over 200 bytes.
 */
int number_parse(const char *text, size_t n, double *ret) must_use;

/* Reads a duration into nanoseconds; it is positive. Fails with ERROR_USAGE. */
int duration_parse(const char *text, int64_t *ret, struct error *err) must_use;

/* The same for a duration that may be zero, with or without a unit. */
int duration_parse_zero(const char *text, int64_t *ret, struct error *err) must_use;

/*
 * Writes a duration in the largest unit that shows it whole, or with six digits: "90s", "1.5s",
 * "20ms". It can be read again.
 */
#define DURATION_TEXT 32
void duration_format(int64_t ns, char out[DURATION_TEXT]);

/*
 * Reads a size into bytes: a number and one of B, KiB, MiB, GiB, TiB (1024) or kB, MB, GB, TB
 * (1000); a bare number is bytes. Fails with ERROR_USAGE.
 */
int size_parse(const char *text, int64_t *ret, struct error *err) must_use;

/* How many of a whole: a number of things, or a percentage. */
struct share {
    enum { SHARE_NONE, SHARE_COUNT, SHARE_PERCENT } kind; /* none: no share was given */
    double number;
};

/* Reads "3" or "2.5%". Fails with ERROR_USAGE. */
int share_parse(const char *text, struct share *ret, struct error *err) must_use;

/* Writes it as it is read. */
#define SHARE_TEXT 32
void share_format(struct share s, char out[SHARE_TEXT]);

/* Whether n of `whole` are more than the share; never when none was given. */
bool share_exceeded(struct share s, size_t n, size_t whole);
