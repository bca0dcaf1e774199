/*
 * loglines: lines of a log in JSON (sync/log.h) as columns of a table.
 *
 * Each column is one text, its values divided by line ends, which no value has. A line that is not
 * one of muster's, cut off by a power failure, say, is passed over.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* {0} at first. */
struct loglines {
    size_t count;
    struct str at, level, server, line; /* `at`: ns since 1970; `server` may be empty */
    struct str text;                    /* as it was read */
    bool in_order;  /* the order of lines is that of time: none is told to be before those above */
    int64_t latest; /* of those above, then */
};

void loglines_done(struct loglines *l);

/*
 * Reads complete lines from the place *at of the file on, some thousand of them at most, instead of
 * what is there, and sets *at to behind them. Fails with ERROR_STORE or ERROR_INTERNAL.
 */
int loglines_read(struct loglines *l, int fd, int64_t *at, struct error *err) must_use;

/* Adds a line, of n bytes with its end; one that has none is passed over. ERROR_INTERNAL. */
int loglines_add(struct loglines *l, const char *line, size_t n, struct error *err) must_use;

/* Forgets the lines, and keeps their memory. */
void loglines_clear(struct loglines *l);
