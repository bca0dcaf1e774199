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

struct runlog_wanted {
    enum log_format format;
    enum log_level least; /* no lines below it */
    const char *server;   /* lines of this server alone, or NULL */
    /* of whom has little room: when so much is read or printed, the rest is left; 0: no limit */
    size_t read_max, print_max;
};

/* What came of it. */
struct runlog_printed {
    size_t lines;
    int64_t
        next;  /* where in the file the line begins that was not looked at, or is not whole yet */
    bool more; /* that is not the end: a limit was met */
};

/*
 * Prints the lines from where `in` stands, which is `from` in its file. ERROR_STORE when it cannot
 * be read; what cannot be written shows in ferror() of `out`.
 */
int runlog_print(FILE *in, int64_t from, FILE *out, const struct runlog_wanted *wanted,
                 struct runlog_printed *ret, struct error *err) must_use;
