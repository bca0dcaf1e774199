/*
 * future: see future.h, and job.h for who holds a future until when.
 *
 * All that threads have to agree on about a future is one atomic word: its state and three bits
 * (held by the pool, freed by its owner, waited for). So a job that nobody waits for starts and
 * ends with one atomic operation each, and threads that finish jobs meet in no common place but the
 * set that their futures join. The outcome is written before the word says that it is there.
 *
 * Waiting needs a condition variable, which most futures would never use: it lives in the frame of
 * the thread that waits, on one list of all who wait, under one lock. A waiter sets the bit under
 * that lock, so whoever finishes the job and finds the bit finds the waiter on the list. It looks
 * for the future's address only: from the moment the word says done, the owner may have freed it.
 *
 * A job that succeeds costs no allocation here. One that fails costs one, for its sentence; when
 * that cannot be had, the kind of the error is kept and the sentence says so.
 *
 * A set (struct completed) is a list of the futures that are done. Its taker empties the list with
 * one lock and hands the futures out one by one from what it took. It is woken only when it waits.
 *
 * What is done with a future follows one order: its word, then its waiters, then its set. Putting
 * it into the set, or else the word, is the last touch: from then on its owner may free it.
 *
 * Locks: none is taken while another is held.
 */
#include "exec/future.h"

#include "base/clock.h"
#include "exec/job.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A thread that waits for a future, in its own frame. */
struct waiter {
    const struct future *future;
    pthread_cond_t done;
    struct waiter *next;
};

static pthread_mutex_t waiters_lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct waiter *waiters;

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

static enum future_state state_of(const struct future *f) {
    return atomic_load(&f->word) & FUTURE_STATE;
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
    *f = (struct future){.fn = fn, .arg = arg, .into = into};
    atomic_init(&f->word, FUTURE_PENDING | FUTURE_POOLED | FUTURE_OWNED);
    if (into)
        atomic_fetch_add(&into->left, 1);
    return f;
}

static void destroy(struct future *f) {
    if (state_of(f) == FUTURE_FAILED)
        free(f->failure);
    free(f);
}

void job_unmake(struct future *f) {
    struct completed *into = f->into;
    destroy(f);
    if (into)
        completed_forget(into);
}

/* Lets go of the future for one of its two holders; the second frees it. */
static void let_go(struct future *f, enum future_bit holder) {
    enum { HOLDERS = FUTURE_POOLED | FUTURE_OWNED };
    if ((atomic_fetch_and(&f->word, (uint8_t)~holder) & HOLDERS) == holder)
        destroy(f);
}

/* Wakes who waits for a future that is done. Only its address is used: it may be gone. */
static void wake_waiters(const struct future *f) {
    pthread_mutex_lock(&waiters_lock);
    for (struct waiter *w = waiters; w; w = w->next)
        if (w->future == f)
            pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&waiters_lock);
}

/*
 * Moves a future that is still pending on to `state`. Returns its word before; a caller that is
 * told of a pending one is the one that moved it.
 */
static uint8_t leave_pending(struct future *f, enum future_state state) {
    uint8_t was = atomic_load(&f->word);
    while ((was & FUTURE_STATE) == FUTURE_PENDING &&
           !atomic_compare_exchange_weak(&f->word, &was, (was & ~FUTURE_STATE) | state))
        ;
    return was;
}

/* Cancels a future that has not started. Returns the state that it was in. */
static enum future_state cancel(struct future *f) {
    struct completed *into = f->into;
    uint8_t was = leave_pending(f, FUTURE_CANCELLED);
    if ((was & FUTURE_STATE) != FUTURE_PENDING)
        return was & FUTURE_STATE;
    if (was & FUTURE_WAITED)
        wake_waiters(f);
    if (into)
        completed_put(into, f);
    return FUTURE_PENDING;
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
    if ((leave_pending(f, FUTURE_RUNNING) & FUTURE_STATE) != FUTURE_PENDING) {
        let_go(f, FUTURE_POOLED);
        return;
    }

    struct error err; /* emptied without writing its 500 bytes, once a job */
    err.kind = ERROR_NONE;
    err.os = 0;
    err.text[0] = '\0';
    void *result = NULL;
    bool ok = f->fn(f->arg, &result, &err) == 0;
    if (!ok && err.kind == ERROR_NONE)
        error_set(&err, ERROR_INTERNAL, "the job failed without saying why");
    if (ok) {
        f->result = result;
    } else {
        f->kind = (uint8_t)err.kind;
        f->failure = failure_new(&err);
    }

    struct completed *into = f->into;
    /* its owner is still there: only what is done can be freed */
    uint8_t was = atomic_exchange(&f->word, (ok ? FUTURE_OK : FUTURE_FAILED) | FUTURE_OWNED);
    if (was & FUTURE_WAITED)
        wake_waiters(f);
    if (into)
        completed_put(into, f);
}

bool job_drop(struct future *f) {
    bool dropped = cancel(f) == FUTURE_PENDING;
    let_go(f, FUTURE_POOLED);
    return dropped;
}

/* ---- the owner's side ---- */

/* Says that somebody waits for the future. Returns false when it is done already. */
static bool mark_waited(struct future *f) {
    return !state_is_done(atomic_fetch_or(&f->word, FUTURE_WAITED) & FUTURE_STATE);
}

/* Waits until the future is done or the deadline has passed. */
static void wait_done(struct future *f, int64_t deadline) {
    if (state_is_done(state_of(f)))
        return;
    struct waiter w = {.future = f, .done = PTHREAD_COND_INITIALIZER};
    pthread_mutex_lock(&waiters_lock);
    w.next = waiters;
    /* cppcheck-suppress autoVariables ; unlinked before this frame ends */
    waiters = &w;
    while (mark_waited(f) && wait_until(&w.done, &waiters_lock, deadline))
        ;
    struct waiter **link = &waiters;
    while (*link != &w)
        link = &(*link)->next;
    *link = w.next;
    pthread_mutex_unlock(&waiters_lock);
    pthread_cond_destroy(&w.done);
}

/* Fills *err with what the job failed with. */
static int failure_of(const struct future *f, struct error *err) {
    if (!f->failure)
        return error_set(err, f->kind, "the job failed; there was no memory to keep why");
    error_set(err, f->kind, "%s", f->failure->text);
    err->os = f->failure->os;
    return -1;
}

int future_result(struct future *f, int64_t deadline, void **result, struct error *err) {
    wait_done(f, deadline);
    switch (state_of(f)) {
    case FUTURE_OK:
        if (result)
            *result = f->result;
        return 0;
    case FUTURE_FAILED:
        return failure_of(f, err);
    case FUTURE_CANCELLED:
        return error_set(err, ERROR_INTERRUPTED, "the job was cancelled before it started");
    case FUTURE_PENDING:
    case FUTURE_RUNNING:
        break;
    }
    return error_set(err, ERROR_TIMEOUT, "the job was not done in time");
}

bool future_cancel(struct future *f) {
    enum future_state was = cancel(f);
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
    wait_done(f, DEADLINE_NEVER);
    let_go(f, FUTURE_OWNED);
}
