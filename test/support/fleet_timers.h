/*
 * fleet_timers: which of many things is due first. A binary heap of timers that their owners keep.
 */
#pragma once

#include "base/attr.h"

#include <stdint.h>

struct timer {
    int64_t due;  /* only timers_set() changes it */
    size_t place; /* in the heap, from 1; 0: it is not in it */
    void *owner;
};

struct timers {
    struct timer **heap;
    size_t count;
    size_t cap;
};

void timers_done(struct timers *t);

/* Has the timer go off at the deadline, or never (DEADLINE_NEVER). Returns 0, or -1 for want of
 * memory; taking one out and moving one never fail. */
int timers_set(struct timers *t, struct timer *timer, int64_t due) must_use;

/* When the first one is due; DEADLINE_NEVER: there is none. */
int64_t timers_due(const struct timers *t);

/* The first timer, taken out, when it is due by `now`; else NULL. */
struct timer *timers_take(struct timers *t, int64_t now);
