/*
 * future: see future.h, and job.h for who holds a future until when.
 *
 * Each future has a lock of its own, so that threads that finish jobs meet in no common place but
 * the set that their futures join. Waiting needs a condition variable, 48 bytes that most futures
 * would never use: it lives in the frame of the thread that waits, linked to the future meanwhile.
 *
 * A job that succeeds costs no allocation here. One that fails costs one, for its sentence; when
 * that cannot be had, the kind of the error is kept and the sentence says so.
 *
 * A set (struct completed) is a list of the futures that are done. Its taker empties the list with
 * one lock and hands the futures out one by one from what it took. It is woken only when it waits.
 *
 * What is done with a future follows one order: its state, then its waiters, then its set. Putting
 * it into the set, or else unlocking it, is the last touch: from then on its owner may free it.
 *
 * Locks: none is taken while another is held.
 */
#include "exec/future.h"

#include "base/clock.h"
#include "exec/job.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct waiter {
    pthread_cond_t done;
    struct waiter *next;
};

struct completed {
    atomic_size_t left; /* joined and not yet taken */

    pthread_mutex_t lock; /* guards what follows, up to `taken` */
    pthread_cond_t filled;
    struct future *first, *last; /* done, in that order */
    bool waiting;                /* the taker sleeps and nobody has woken it yet */

    struct future *taken; /* the taker's alone: out of the list, not handed out yet */
};

/* Waits for a signal until the deadline. Returns false when that has passed. */
static bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline) {
    if (deadline == DEADLINE_NEVER)
        return pthread_cond_wait(cond, lock) == 0;
    struct timespec at = deadline_timespec(deadline < 0 ? 0 : deadline);
    return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &at) == 0;
}

/* The future's lock, for functions that only look. */
static pthread_mutex_t *lock_of(const struct future *f) {
    return (pthread_mutex_t *)&f->lock;
}

static enum future_state state_of(const struct future *f) {
    pthread_mutex_lock(lock_of(f));
    enum future_state state = f->state;
    pthread_mutex_unlock(lock_of(f));
    return state;
}

static bool state_is_done(enum future_state state) {
    return state >= FUTURE_CANCELLED;
}

/* ---- the set ---- */

int completed_new(struct completed **ret, struct error *err) {
    struct completed *c = calloc(1, sizeof(*c));
    if (!c)
        return error_memory(err);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->filled, NULL);
    *ret = c;
    return 0;
}

void completed_free(struct completed *c) {
    if (!c)
        return;
    /* whoever put the last future in may not have left the lock yet */
    pthread_mutex_lock(&c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_cond_destroy(&c->filled);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void wake_taker_locked(struct completed *c) {
    if (!c->waiting)
        return;
    c->waiting = false;
    pthread_cond_signal(&c->filled);
}

static void completed_put(struct completed *c, struct future *f) {
    f->next_done = NULL;
    pthread_mutex_lock(&c->lock);
    if (c->first)
        c->last->next_done = f;
    else
        c->first = f;
    c->last = f;
    wake_taker_locked(c);
    pthread_mutex_unlock(&c->lock);
}

/* Counts a future out that was counted in and will never be done. */
static void completed_forget(struct completed *c) {
    pthread_mutex_lock(&c->lock);
    atomic_fetch_sub(&c->left, 1);
    wake_taker_locked(c);
    pthread_mutex_unlock(&c->lock);
}

/* Takes the whole list, when there is one before the deadline. */
static struct future *completed_take(struct completed *c, int64_t deadline) {
    pthread_mutex_lock(&c->lock);
    bool in_time = true;
    while (!c->first && in_time && completed_left(c) > 0) {
        c->waiting = true;
        in_time = wait_until(&c->filled, &c->lock, deadline);
    }
    c->waiting = false;
    struct future *taken = TAKE(c->first);
    pthread_mutex_unlock(&c->lock);
    return taken;
}

struct future *completed_next(struct completed *c, int64_t deadline) {
    if (!c->taken)
        c->taken = completed_take(c, deadline);
    struct future *f = c->taken;
    if (!f)
        return NULL;
    c->taken = f->next_done;
    atomic_fetch_sub(&c->left, 1);
    return f;
}

size_t completed_left(struct completed *c) {
    return atomic_load(&c->left);
}

/* ---- the pool's side of a future ---- */

struct future *job_new(job_fn *fn, void *arg, struct completed *into) {
    struct future *f = malloc(sizeof(*f));
    if (!f)
        return NULL;
    *f = (struct future){.fn = fn, .arg = arg, .into = into, .pooled = true};
    pthread_mutex_init(&f->lock, NULL);
    if (into)
        atomic_fetch_add(&into->left, 1);
    return f;
}

static void destroy(struct future *f) {
    if (f->state == FUTURE_FAILED)
        free(f->failure);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void job_unmake(struct future *f) {
    struct completed *into = f->into;
    destroy(f);
    if (into)
        completed_forget(into);
}

static void wake_waiters_locked(struct future *f) {
    for (struct waiter *w = f->waiters; w; w = w->next)
        pthread_cond_signal(&w->done);
}

/*
 * Moves a future that is still pending on to `state`. Returns the state that it was in; a caller
 * that is told FUTURE_PENDING is the one that moved it.
 */
static enum future_state leave_pending(struct future *f, enum future_state state, bool by_pool) {
    pthread_mutex_lock(&f->lock);
    enum future_state was = f->state;
    if (was == FUTURE_PENDING)
        f->state = (uint8_t)state;
    if (was == FUTURE_PENDING && state == FUTURE_CANCELLED)
        wake_waiters_locked(f);
    if (by_pool && f->state == FUTURE_CANCELLED)
        f->pooled = false;
    /* an owner frees only what is done, so nobody has freed what was pending */
    bool last = by_pool && was == FUTURE_CANCELLED && f->freed;
    pthread_mutex_unlock(&f->lock);
    if (last)
        destroy(f);
    return was;
}

/* What a failed job leaves in its future; NULL when memory runs out. */
static struct failure *failure_new(const struct error *err) {
    size_t size = strlen(err->text) + 1;
    struct failure *failure = malloc(sizeof(*failure) + size);
    if (failure) {
        failure->os = err->os;
        memcpy(failure->text, err->text, size);
    }
    return failure;
}

void job_run(struct future *f) {
    if (leave_pending(f, FUTURE_RUNNING, true) != FUTURE_PENDING)
        return;

    struct error err; /* emptied without writing its 500 bytes, once a job */
    err.kind = ERROR_NONE;
    err.os = 0;
    err.text[0] = '\0';
    void *result = NULL;
    bool ok = f->fn(f->arg, &result, &err) == 0;
    if (!ok && err.kind == ERROR_NONE)
        error_set(&err, ERROR_INTERNAL, "the job failed without saying why");
    struct failure *failure = ok ? NULL : failure_new(&err);

    struct completed *into = f->into;
    pthread_mutex_lock(&f->lock);
    f->state = ok ? FUTURE_OK : FUTURE_FAILED;
    if (ok) {
        f->result = result;
    } else {
        f->kind = (uint8_t)err.kind;
        f->failure = failure;
    }
    f->pooled = false;
    wake_waiters_locked(f);
    pthread_mutex_unlock(&f->lock);
    if (into)
        completed_put(into, f);
}

bool job_drop(struct future *f) {
    struct completed *into = f->into;
    bool dropped = leave_pending(f, FUTURE_CANCELLED, true) == FUTURE_PENDING;
    if (dropped && into)
        completed_put(into, f);
    return dropped;
}

/* ---- the owner's side ---- */

/* Waits until the future is done. Returns whether it was before the deadline. */
static bool wait_done_locked(struct future *f, int64_t deadline) {
    if (state_is_done(f->state))
        return true;
    struct waiter w = {.done = PTHREAD_COND_INITIALIZER, .next = f->waiters};
    /* cppcheck-suppress autoVariables ; unlinked before this frame ends */
    f->waiters = &w;
    while (!state_is_done(f->state) && wait_until(&w.done, &f->lock, deadline))
        ;
    struct waiter **link = &f->waiters;
    while (*link != &w)
        link = &(*link)->next;
    *link = w.next;
    pthread_cond_destroy(&w.done);
    return state_is_done(f->state);
}

/* Fills *err with what the job failed with. */
static int failure_locked(const struct future *f, struct error *err) {
    if (!f->failure)
        return error_set(err, f->kind, "the job failed; there was no memory to keep why");
    error_set(err, f->kind, "%s", f->failure->text);
    err->os = f->failure->os;
    return -1;
}

static int outcome_locked(struct future *f, void **result, struct error *err) {
    switch ((enum future_state)f->state) {
    case FUTURE_OK:
        if (result)
            *result = f->result;
        return 0;
    case FUTURE_FAILED:
        return failure_locked(f, err);
    case FUTURE_CANCELLED:
        return error_set(err, ERROR_INTERRUPTED, "the job was cancelled before it started");
    case FUTURE_PENDING:
    case FUTURE_RUNNING:
        break;
    }
    return error_set(err, ERROR_TIMEOUT, "the job was not done in time");
}

int future_result(struct future *f, int64_t deadline, void **result, struct error *err) {
    pthread_mutex_lock(&f->lock);
    wait_done_locked(f, deadline);
    int rc = outcome_locked(f, result, err);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

bool future_cancel(struct future *f) {
    struct completed *into = f->into;
    enum future_state was = leave_pending(f, FUTURE_CANCELLED, false);
    if (was == FUTURE_PENDING && into)
        completed_put(into, f);
    return was == FUTURE_PENDING || was == FUTURE_CANCELLED;
}

bool future_done(const struct future *f) {
    return state_is_done(state_of(f));
}

bool future_cancelled(const struct future *f) {
    return state_of(f) == FUTURE_CANCELLED;
}

void *future_arg(const struct future *f) {
    return f->arg;
}

void future_free(struct future *f) {
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    wait_done_locked(f, DEADLINE_NEVER);
    f->freed = true;
    bool last = !f->pooled;
    pthread_mutex_unlock(&f->lock);
    if (last)
        destroy(f);
}
