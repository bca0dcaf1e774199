/*
 * shortage: what to do when descriptors, memory, threads or processes have run out.
 *
 * A session that cannot be had for want of them waits, with nothing in its hands, until another one
 * of the process gives back what it has, and tries again: so no more servers are worked on at a
 * time than the limits allow, and none fails for it. Only a session that lacks something while no
 * other has anything has an error. The soft limit of open files is raised to the hard one first.
 *
 * Threads: any thread.
 */
#pragma once

#include "base/error.h"
#include "sync/cancel.h"

#include <stdbool.h>
#include <stdint.h>

struct shortage;

/* Fails with ERROR_INTERNAL. */
int shortage_new(struct cancel *cancel, struct shortage **ret, struct error *err) must_use;

/* Nobody may hold anything. NULL is allowed. */
void shortage_free(struct shortage *s);

/* One attempt to get something. */
struct attempt {
    uint64_t returns; /* how often something had been given back when it began */
};

/*
 * One more will hold something, from now until shortage_leave(). With `s` NULL these do nothing,
 * and every error is final.
 */
void shortage_enter(struct shortage *s);
void shortage_leave(struct shortage *s);

/* Begins an attempt of one who has entered. */
struct attempt shortage_attempt(struct shortage *s);

/*
 * After an attempt that failed with *err, and has given back all that it had got: waits, when it is
 * a shortage that may pass, and returns true with *a for the next attempt. Returns false when *err
 * is final: it is another error, nobody else holds anything, the deadline has passed (*err is
 * ERROR_TIMEOUT then) or the run was ended (ERROR_INTERRUPTED).
 */
bool shortage_outlast(struct shortage *s, struct attempt *a, int64_t deadline, struct error *err);
