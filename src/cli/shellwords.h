/*
 * shellwords: a command line of bash, as far as it is typed, and back.
 *
 * Bash hands completions the line as it stands there, quotes and all, and takes words as they are
 * to stand there. Other shells do both themselves. Plain data of its caller.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

struct shellwords {
    char **items; /* without their quotes; the last one is being typed and may be empty */
    size_t count, cap;
    size_t last; /* where the last one begins in the line */
};

/* Splits the line at blanks that are not quoted. Returns 0, or -1 when memory ran out. */
int shellwords_split(const char *line, struct shellwords *ret);
void shellwords_done(struct shellwords *w);

/* Adds the n bytes without their quotes; returns the quote that they leave open, or 0. */
char shellwords_unquote(const char *text, size_t n, struct str *out);

/* Adds the text as it may stand in a line, within the quote that is open (0: none). */
void shellwords_quote(const char *text, char open, struct str *out);
