/*
 * run: one execution over a set of servers, and how its servers ended. Plain data.
 */
#pragma once

#include "model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_ID_SIZE 32
#define RUN_STOPPED_SIZE 128

#define HOLDER_HOST_SIZE 65

/* The process that works on a run. */
struct holder {
    int64_t pid; /* 0: nobody does */
    char host[HOLDER_HOST_SIZE];
    int64_t since; /* wall clock, ns; 0, and no host, where only the process is known */
};

struct run {
    char id[RUN_ID_SIZE]; /* 20261122-111344-7f3a2c: sorts by time; empty: in no store */
    int64_t started;      /* wall clock, ns */
    double seconds;       /* it was worked on, all sittings together; NAN before the first result */
    int fanout;
    double threshold;
    size_t total;                             /* and of these: */
    size_t passed, failed, errors, cancelled; /* cancelled: have no final verdict */
    char stopped[RUN_STOPPED_SIZE]; /* why muster ended it early, for a sentence; or empty */
    struct holder holder;
    size_t workers; /* processes that work on it; where it is shared, the holder is one of them */
    bool open;      /* it is shared, and was not ended early: any worker may take a part of it */
    bool judged;    /* as a whole, since its last result */
    size_t errors_earlier; /* where it is shared, of `errors`: before it was resumed last */
};

/* Whether somebody works on it, or may at any time: what has no verdict may yet have one. */
bool run_goes_on(const struct run *run);

/*
 * `running`; `waiting`: it goes on, and no worker is there; `interrupted`: it does not, and servers
 * have no final verdict or it was not judged as a whole; or `ended`.
 */
const char *run_state(const struct run *run);

/* The detail of a server that was never begun with. */
#define OUTCOME_NO_TURN "the run ended before its turn"

/* How one server ended, as far as the summary needs it. */
struct outcome {
    const char *server; /* borrowed */
    enum verdict verdict;
    enum reason reason;
    char *detail;   /* owned; NULL when passed */
    bool flaky;     /* passed, but not beyond doubt */
    size_t earlier; /* attempts that did not pass and were made again (`resume --failed`) */
    /* sentences of the judgement at the end of the run, owned; NULL: nothing to say */
    char *outlier; /* passed, but is worse than its peers */
    char *missing; /* passed, but lacks a metric that they have */
    char *drift;   /* is worse than it was itself */
    char *why;     /* what is different about it */
};

/* Whether the server has come to nothing yet. */
bool outcome_is_open(const struct outcome *o);

/* Frees the texts that it owns. */
void outcome_done(struct outcome *o);

/* Counts one more server's verdict in the run's totals (not in `total`). */
void run_count(struct run *run, enum verdict verdict);
