/*
 * runlog: a run's own log, which is kept as JSON lines, as lines for people and programs.
 *
 * A line that is not one of muster's (cut off by a power failure, say) is passed over.
 */
#pragma once

#include "base/error.h"
#include "sync/field.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct runlog_wanted {
    enum log_format format;
    enum log_level least; /* no lines below it */
    const char *server;   /* lines of this server alone, or NULL */
    /* of whom has little room: when so much is read or printed, the rest is left; 0: no limit */
    size_t read_max, print_max;
};

/*
 * Where lines come from: gives the next one, borrowed until it is asked again, and in *place where
 * to go on after it, at the end for lines to come. Returns its length, 0 at the end, or -1.
 */
typedef ssize_t runlog_next_fn(void *from, const char **line, int64_t *place, struct error *err);

/* What came of it. */
struct runlog_printed {
    size_t lines;
    int64_t next; /* the place of the line that was not looked at, or is not whole yet */
    bool more;    /* that is not the end: a limit was met */
};

/*
 * Prints the lines that next() gives, of which the first is at `place`. Fails with what that fails
 * with, or ERROR_INTERNAL; what cannot be written shows in ferror() of `out`.
 */
int runlog_print(runlog_next_fn *next, void *from, int64_t place, FILE *out,
                 const struct runlog_wanted *wanted, struct runlog_printed *ret,
                 struct error *err) must_use;
