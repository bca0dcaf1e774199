/*
 * inventoryline: one line of a plain inventory.
 *
 *     PATTERN [KEY=VALUE ...] [# a comment]
 *
 * Words with a `=` are what is said of all servers of the pattern: of what kind they are
 * (`kind=EPYC 9654`, up to the next such word or the end of the line), or a label
 * (model/labels.h). Pure; any thread.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

struct inventory_line {
    const char *pattern; /* within the line; empty: it has none */
    const char *kind;    /* within the line, or NULL */
    char *labels;        /* or NULL */
};

void inventoryline_done(struct inventory_line *l);

/*
 * Takes the line, of which len bytes are followed by a NUL, apart and cuts it to pieces. Fails with
 * ERROR_USAGE, the column of the mistake in the sentence, or ERROR_INTERNAL.
 */
int inventoryline_read(char *line, size_t len, struct inventory_line *ret,
                       struct error *err) must_use;
