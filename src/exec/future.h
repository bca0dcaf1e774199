/*
 * future: the outcome of a job that a pool runs, has run or will run.
 *
 * The counterpart of Python's concurrent.futures.Future; docs/ARCHITECTURE.md has the table of
 * what is the same and what is not. A future is made by pool_submit() and freed by its owner, the
 * submitter, with future_free(), once it is done.
 *
 * States: pending -> running -> done, or pending -> cancelled (which is done too).
 *
 * Threads: any thread may ask; one thread owns the future and frees it.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct future;
struct completed;

/*
 * A job. It returns 0 and may set *result (which then belongs to whoever takes it from the future),
 * or fills *err and returns -1.
 */
typedef int job_fn(void *arg, void **result, struct error *err);

/*
 * Waits until the future is done or the deadline has passed. Returns 0 with the job's result in
 * *result (which may be NULL when it is not wanted), or -1 with the job's error, with
 * ERROR_INTERRUPTED for a cancelled future, or with ERROR_TIMEOUT when the deadline passed first
 * (future_done() tells that from a job that failed with ERROR_TIMEOUT). May be asked again.
 */
int future_result(struct future *f, int64_t deadline, void **result, struct error *err);

/* Cancels a future that has not started. Returns whether it is cancelled now. */
bool future_cancel(struct future *f);

bool future_done(const struct future *f);
bool future_cancelled(const struct future *f);

/* The argument that the job was submitted with. */
void *future_arg(const struct future *f);

/*
 * Frees a future that is done; waits for one that is not. A future of a set must have been taken
 * from it. The result is not touched. NULL is allowed.
 */
void future_free(struct future *f);

/*
 * A set of futures, taken in the order in which they are done: as_completed() of Python. A future
 * joins at most one set, when it is submitted.
 */
int completed_new(struct completed **ret, struct error *err) must_use;

/* Every future of the set must have been taken. NULL is allowed. */
void completed_free(struct completed *c);

/*
 * The next future that is done (its owner is the caller, as before), or NULL when the deadline
 * passed or every future of the set has been taken. One thread takes.
 */
struct future *completed_next(struct completed *c, int64_t deadline);

/* How many futures of the set have not been taken yet. */
size_t completed_left(struct completed *c);
