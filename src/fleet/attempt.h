/*
 * attempt: one server of a run, from its first attempt to its last.
 *
 * Each attempt is a job of the pool. Between two of them the server waits outside of it, so that it
 * holds no worker's place, until its pause (policy/backoff) is over. What the server's time-out
 * counts is attempts and pauses, not the wait for a worker.
 *
 * What is tried again is what another moment may mend: a server that could not be reached, and one
 * whose connection was lost, at any point from the first packet on. What it said of itself (its
 * host key, a refused login, a result, a time-out of a benchmark) stands. There are as many retries
 * as the plan says, and more as long as an agent lingers on the server whose session was lost.
 *
 * Threads: a worker has a struct attempt while attempt_run() runs, else the orchestrator.
 */
#pragma once

#include "bench/bench.h"
#include "model/result.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all servers of a run have in common; read-only. */
struct attempts {
    struct bench bench;
    const char *run; /* its id */
};

struct attempt {
    const struct attempts *all;
    struct server server; /* owned */
    size_t position;
    int number;                 /* from 1 */
    int64_t spent;              /* ns of the server's time-out */
    int64_t due;                /* when the pause before it is over */
    int64_t lost;               /* when the session with its agent was lost; 0: never */
    struct server_result *last; /* of the attempt before, while the server waits; owned */
};

/* The first attempt at a server, which it takes over. Fails with ERROR_INTERNAL. */
int attempt_new(const struct attempts *all, struct store_claim *claim, struct attempt **ret,
                struct error *err) must_use;

/* NULL is allowed. */
void attempt_free(struct attempt *a);

/* The job; its argument is the attempt, its result a struct server_result of the caller's. */
int attempt_run(void *arg, void **result, struct error *err);

/* Whether the server is to be tried again after this result: its kind, and what is left of it all.
 */
bool attempt_has_another(const struct attempt *a, const struct server_result *r);

/* Makes the attempt the one after, with the time it is due, and says so in the log. */
void attempt_next(struct attempt *a, const struct server_result *r);

/* Makes the result of a server that is to be tried again that of one whose run ended before. */
void attempt_interrupt(struct server_result *r);
