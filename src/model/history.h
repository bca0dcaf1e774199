/*
 * history: what one server was found to do over the runs of a store. Plain data.
 *
 * NAN stands for a number that is not there, NULL for a text that is not there. Texts are printable
 * (base/text.h).
 */
#pragma once

#include "base/attr.h"
#include "model/run.h"
#include "model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far back values are compared, in runs that the server was in. */
#define HISTORY_RUNS 30

/* One benchmark in one run; or, without a benchmark, a run in which the server had none. */
struct history_value {
    char run[RUN_ID_SIZE];
    int64_t started; /* the run's; wall clock, ns */
    char *server;    /* as it was named in that run */
    char *benchmark;
    enum verdict verdict; /* the benchmark's; without one, the server's */
    enum reason reason;
    double score;
    char *metric; /* the one that is judged; NULL when nothing was measured */
    char *unit;
    double value;
    double spread;
    bool lower_is_better;
    bool flaky;  /* it passed, and noise could turn that */
    bool counts; /* the value may be compared with that of the newest run (store/history.h) */
};

struct history {
    char *server;                 /* its name in the newest run */
    char *machine;                /* what it is known by when its name changes, or NULL */
    struct history_value *values; /* the oldest run first; a run's in the order of its benchmarks */
    size_t count;
    size_t cap;
    size_t run_count;
};

/*
 * What is to be compared over runs: the values that count of one metric of one benchmark, the
 * oldest first. Borrowed.
 */
struct history_series {
    const char *benchmark, *metric, *unit; /* the unit may be NULL */
    bool lower_is_better;
    const double *values;
    const int64_t *started; /* of each value's run; wall clock, ns */
    size_t count;
};

/* How long a server is expected to take. */
struct history_expected {
    size_t position; /* the server's in its run */
    double seconds;  /* NAN: nothing is known of it */
};

void history_done(struct history *h);
