/*
 * extract: finds the one number of a benchmark in what its command printed.
 *
 * Two ways:
 *
 * - A PCRE2 regular expression (bytes, not UTF; multi-line; any of LF, CR and CRLF ends a line)
 *   whose first group is the number, at the first place where the expression matches.
 * - A jq program over the output read as JSON, whose first result is the number. The JSON begins at
 *   the first line that starts with { or [ and from which one whole value can be read, so that
 *   warnings printed before it do no harm; where there is no such line, at the start of the output.
 *   What follows that value is not looked at.
 *
 * Numbers are those of number_parse() (base/units.h), and finite.
 *
 * An extract is made once per run, then shared: any thread may call extract_number(). A regex that
 * backtracks without end is given up after about two seconds; a jq program cannot be interrupted,
 * so one that never ends holds its caller.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

struct extract;

/* Compile, or fail with ERROR_USAGE and what is wrong where in the expression. */
int extract_regex(const char *pattern, struct extract **ret, struct error *err) must_use;
int extract_jq(const char *program, struct extract **ret, struct error *err) must_use;

/* NULL is allowed. */
void extract_free(struct extract *e);

/* For cleanup(). */
static inline void extract_freep(struct extract **e) {
    extract_free(*e);
}

/*
 * The number in n bytes of output. Fails with ERROR_BAD_OUTPUT, the sentence saying what was looked
 * for and quoting the first line of what was there, made printable, or with ERROR_INTERNAL.
 */
int extract_number(const struct extract *e, const char *output, size_t n, double *ret,
                   struct error *err) must_use;
