/*
 * team: one thread on each of several CPUs, all working from one moment on.
 */
#pragma once

#include "answer.h"

#include <stdint.h>

struct team_times {
    int64_t begin; /* when the last one was ready and all began */
    int64_t end;   /* when the last one was done */
};

/*
 * Calls work(arg, i) in a thread of its own for each i below `count`, bound to cpus[i], and waits
 * for all of them. Nobody begins before all are there. `times` may be NULL. Fails with `internal`
 * when a thread cannot be started; then no work is done.
 */
int team_run(const int *cpus, int count, void (*work)(void *arg, int i), void *arg,
             struct team_times *times, struct failure *f);
