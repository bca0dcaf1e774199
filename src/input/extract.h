/*
 * extract: finds the one number of a benchmark in what its command printed.
 *
 * Two ways: a PCRE2 regular expression (UTF is off: output is bytes; multi-line) whose first group
 * is the number, or a jq program over the output read as JSON whose first result is the number. The
 * number may have a decimal exponent; "inf", "nan" and hexadecimal are no numbers.
 *
 * An extract is made once per run, then shared: any thread may call extract_number().
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

struct extract;

/* Compile, or fail with ERROR_USAGE and what is wrong where in the expression. */
int extract_regex(const char *pattern, struct extract **ret, struct error *err) must_use;
int extract_jq(const char *program, struct extract **ret, struct error *err) must_use;

void extract_free(struct extract *e);

/*
 * The number in n bytes of output (a NUL follows them). Fails with ERROR_BAD_OUTPUT, the sentence
 * saying what was looked for and quoting the first line of what was there, made printable.
 */
int extract_number(const struct extract *e, const char *output, size_t n, double *ret,
                   struct error *err) must_use;
