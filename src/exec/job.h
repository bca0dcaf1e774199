/*
 * job: what the pool alone knows of a future. Only future.c and pool.c include this.
 *
 * A future is the job itself, its place in the pool's queue and its outcome in one allocation. It
 * is held by its owner and by the pool, until the pool has run it or dropped it from the queue; the
 * last of the two frees it. So a job that is cancelled stays in the queue until a thread comes upon
 * it, even when its owner has freed it: cancelling needs no look at the pool, which may be gone.
 */
#pragma once

#include "exec/future.h"

#include <stdatomic.h>

enum future_state { FUTURE_PENDING, FUTURE_RUNNING, FUTURE_CANCELLED, FUTURE_OK, FUTURE_FAILED };

/* The parts of a future's word: its state, and what else is true of it. */
enum future_bit {
    FUTURE_STATE = 0x0f,  /* enum future_state */
    FUTURE_WAITED = 0x10, /* somebody may be waiting for it */
    FUTURE_POOLED = 0x20, /* the pool holds it */
    FUTURE_OWNED = 0x40,  /* its owner holds it: has not freed it */
};

/* The sentence of a job that failed, as long as it is. */
struct failure {
    int os;
    char text[];
};

struct future {
    job_fn *fn;
    void *arg;
    struct completed *into;
    struct future *next;      /* in the pool's queue, guarded by the pool's lock */
    struct future *next_done; /* in the set that it joined, guarded by the set's lock */

    /* the outcome, written before the word says that it is there */
    union {
        void *result;            /* FUTURE_OK */
        struct failure *failure; /* FUTURE_FAILED; NULL when there was no memory for it */
    };
    uint8_t kind; /* enum error_kind, of a job that failed */

    _Atomic uint8_t word; /* enum future_bit */
};

/* A pending future, counted into its set, or NULL when memory ran out. */
struct future *job_new(job_fn *fn, void *arg, struct completed *into) must_use;

/* Takes back a future that never was in the queue. */
void job_unmake(struct future *f);

/* Runs the job unless it was cancelled; the pool holds the future no longer. */
void job_run(struct future *f);

/* Cancels the job unless it was already; the pool holds it no longer. Returns whether it did. */
bool job_drop(struct future *f);
