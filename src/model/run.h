/*
 * run: one execution over a set of servers, and how its servers ended. Plain data.
 */
#pragma once

#include "model/verdict.h"

#include <stddef.h>
#include <stdint.h>

#define RUN_ID_SIZE 32

struct run {
    char id[RUN_ID_SIZE]; /* 20261122-111344-7f3a2c: sorts by time */
    int64_t started;      /* wall clock, ns */
    double seconds;       /* NAN while it has not ended */
    int fanout;
    double threshold;
    size_t total; /* and of these: */
    size_t passed, failed, errors, cancelled;
};

/* How one server ended, as far as the summary needs it. */
struct outcome {
    const char *server; /* borrowed */
    enum verdict verdict;
    enum reason reason;
    char *detail; /* owned; NULL when passed */
};

/* Counts one more server's verdict in the run's totals (not in `total`). */
void run_count(struct run *run, enum verdict verdict);
