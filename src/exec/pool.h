/*
 * pool: a bounded pool of threads that run jobs in the order of submission.
 *
 * The counterpart of Python's concurrent.futures.ThreadPoolExecutor. A thread is started when a
 * job is submitted, no thread is idle and the bound is not reached. A thread that cannot be created
 * lowers the bound to the threads there are and is logged once; only when there is none at all does
 * pool_submit() fail. Threads run with every signal blocked.
 *
 * A job costs no allocation beyond its future; one that fails may cost a second, for its sentence.
 * No thread polls.
 *
 * Threads: any thread may submit; the thread that made the pool shuts it down.
 */
#pragma once

#include "base/error.h"
#include "exec/future.h"

#include <stddef.h>

struct pool;

/*
 * `bound` is at least 1; `stack` is the size of a thread's stack in bytes, 0 for the system's
 * default. No thread is started yet. Fails with ERROR_INTERNAL.
 */
int pool_new(size_t bound, size_t stack, struct pool **ret, struct error *err) must_use;

/*
 * Submits fn(arg). The future joins `into` when that is not NULL; `ret` may be NULL then, as the
 * future comes out of the set. Fails with ERROR_INTERNAL (no memory, no thread at all, or the pool
 * is being shut down, which a job that submits may meet).
 */
int pool_submit(struct pool *p, job_fn *fn, void *arg, struct completed *into, struct future **ret,
                struct error *err) must_use;

/* Cancels every job that has not started. Returns how many were not cancelled before. */
size_t pool_cancel_pending(struct pool *p);

/* How many threads there are, and at most may be (less than asked for once one was refused). */
size_t pool_threads(struct pool *p);
size_t pool_bound(struct pool *p);

/*
 * Takes no more jobs, waits for those submitted (cancelling what has not started first when
 * `cancel_pending` is true), joins the threads and frees the pool. Futures outlive it. NULL is
 * allowed.
 */
void pool_shutdown(struct pool *p, bool cancel_pending);
