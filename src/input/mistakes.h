/*
 * mistakes: what is wrong in a file of the user's, each with its place, to be printed all at once.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct mistake {
    int line; /* from 1 */
    int column;
    char *text;
};

struct mistakes {
    struct mistake *items;
    size_t count;
    size_t cap;
    bool failed; /* memory ran out: some are not here */
};

/* Text that does not fit in 600 bytes is cut. */
void mistakes_add(struct mistakes *m, int line, int column, const char *format, ...)
    printf_like(4, 5);

/*
 * Appends `FILE:LINE:COLUMN: text` and a newline for each mistake, in the order of their places,
 * each once; after the first `max`, one line says how many more there are. Returns how many.
 */
size_t mistakes_print(struct mistakes *m, const char *file, size_t max, struct str *out);
void mistakes_done(struct mistakes *m);
