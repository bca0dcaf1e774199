/*
 * pool: see pool.h.
 *
 * One lock guards the queue, a list of the futures themselves. A submitter appends its job and
 * leaves; a thread pops one job at a time, so that no job waits behind another while a thread is
 * idle.
 *
 * Waking is the dear part: a futex call and a context switch for each thread. Jobs come in bursts,
 * and a thread that is being woken may find that those awake have done its job. So one thread is
 * woken at a time (`waking`); once awake it takes a job and, when more are queued, wakes the next
 * before it runs its own. What holds whenever the lock is free:
 *
 *     jobs are queued and a thread sleeps  =>  a thread is on its way to the queue
 *
 * A thread is created only when there are more jobs queued than threads that are idle (asleep, or
 * started and not yet at the queue), so each queued job has a thread of its own as long as the
 * bound allows. It is created under the lock: that happens `bound` times in a pool's life, and it
 * keeps the question of what becomes of a job when its thread is refused in one place.
 *
 * Signals are sent under the lock: once a submitter has left it, its job may be done, and the pool
 * shut down and freed.
 *
 * Locks: neither a set's nor the one of those who wait for futures is taken under the pool's.
 */
#include "exec/pool.h"

#include "base/vec.h"
#include "exec/job.h"
#include "sync/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    pthread_attr_t attr;
    const char *run; /* that its threads' lines in the log are of */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;  /* idle threads sleep on it */
    struct future *first, *last;
    size_t queued;
    size_t bound;
    size_t idle; /* threads asleep, or started and not yet at the queue */
    bool waking; /* a thread was signalled and is not awake yet */
    bool closed; /* no more jobs */
    pthread_t *threads;
    size_t count, cap; /* of threads */
};

/* What pool_submit() has to say once it has left the lock. */
struct refusal {
    int os; /* why a thread could not be created, or 0 */
    size_t threads;
    size_t asked;
};

/* ---- the queue ---- */

static void push_locked(struct pool *p, struct future *f) {
    f->next = NULL;
    if (p->first)
        p->last->next = f;
    else
        p->first = f;
    p->last = f;
    p->queued++;
}

static struct future *pop_locked(struct pool *p) {
    struct future *f = p->first;
    p->first = f->next;
    p->queued--;
    return f;
}

/* Empties the queue. Returns what was in it. */
static struct future *detach_locked(struct pool *p) {
    p->queued = 0;
    return TAKE(p->first);
}

/* Keeps the promise of the essay above. */
static void wake_one_locked(struct pool *p) {
    if (!p->first || p->idle == 0 || p->waking)
        return;
    p->waking = true;
    pthread_cond_signal(&p->work);
}

/* ---- threads ---- */

/* Waits for a job. Returns NULL when the pool is closed and the queue is empty. */
static struct future *next_job_locked(struct pool *p) {
    while (!p->first && !p->closed) {
        p->idle++;
        pthread_cond_wait(&p->work, &p->lock);
        p->idle--;
        p->waking = false;
    }
    struct future *f = p->first ? pop_locked(p) : NULL;
    wake_one_locked(p);
    return f;
}

static void *thread_main(void *arg) {
    struct pool *p = arg;
    pthread_setname_np(pthread_self(), "worker");
    log_name_thread(p->run);
    pthread_mutex_lock(&p->lock);
    p->idle--;
    p->waking = false;
    for (;;) {
        struct future *f = next_job_locked(p);
        pthread_mutex_unlock(&p->lock);
        if (!f)
            return NULL;
        job_run(f);
        pthread_mutex_lock(&p->lock);
    }
}

/* Creates one thread, idle until it comes to the queue. Returns 0 or why not, as errno. */
static int grow_locked(struct pool *p) {
    if (vec_reserve(&p->threads, &p->cap, p->count + 1, sizeof(*p->threads)) < 0)
        return ENOMEM;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&p->threads[p->count], &p->attr, thread_main, p);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0) {
        p->count++;
        p->idle++;
    }
    return rc;
}

/*
 * Sees to a thread for the jobs queued, a new one or an idle one. A refused thread lowers the bound
 * to those there are; with none the bound stays, so that a later job tries again.
 */
static struct refusal staff_locked(struct pool *p) {
    struct refusal refused = {0};
    if (p->queued > p->idle && p->count < p->bound) {
        refused.os = grow_locked(p);
        if (refused.os) {
            refused.threads = p->count;
            refused.asked = p->bound;
            if (p->count > 0)
                p->bound = p->count;
        }
    }
    wake_one_locked(p);
    return refused;
}

/* ---- the interface ---- */

static int init_attr(pthread_attr_t *attr, size_t stack, struct error *err) {
    int rc = pthread_attr_init(attr);
    if (rc)
        return error_os(err, ERROR_INTERNAL, rc, "cannot prepare threads");
    rc = stack ? pthread_attr_setstacksize(attr, stack) : 0;
    if (rc) {
        pthread_attr_destroy(attr);
        return error_os(err, ERROR_INTERNAL, rc, "cannot give threads a stack of %zu bytes", stack);
    }
    return 0;
}

int pool_new(size_t bound, size_t stack, struct pool **ret, struct error *err) {
    if (bound == 0)
        return error_set(err, ERROR_INTERNAL, "a pool of no threads would run nothing");
    struct pool *p = calloc(1, sizeof(*p));
    if (!p)
        return error_memory(err);
    if (init_attr(&p->attr, stack, err) < 0) {
        free(p);
        return -1;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    p->bound = bound;
    p->run = log_thread_run();
    *ret = p;
    return 0;
}

/* Queues the job. Returns false, with nothing queued, when no thread will ever come for it. */
static bool enqueue(struct pool *p, struct future *f, struct refusal *refused, bool *closed) {
    pthread_mutex_lock(&p->lock);
    *closed = p->closed;
    if (!p->closed) {
        push_locked(p, f);
        *refused = staff_locked(p);
    }
    bool accepted = !p->closed && p->count > 0;
    if (!p->closed && !accepted)
        detach_locked(p); /* with no thread, no earlier job was accepted: this is the only one */
    pthread_mutex_unlock(&p->lock);
    return accepted;
}

int pool_submit(struct pool *p, job_fn *fn, void *arg, struct completed *into, struct future **ret,
                struct error *err) {
    struct future *f = job_new(fn, arg, into);
    if (!f)
        return error_memory(err);
    struct refusal refused = {0};
    bool closed;
    if (!enqueue(p, f, &refused, &closed)) {
        job_unmake(f);
        return closed ? error_set(err, ERROR_INTERNAL, "the pool is shut down")
                      : error_os(err, ERROR_INTERNAL, refused.os, "cannot start any thread");
    }
    if (refused.os)
        log_warning("fewer threads than asked for", LOG_I("threads", (int64_t)refused.threads),
                    LOG_I("asked", (int64_t)refused.asked), LOG_S("error", strerror(refused.os)));
    if (ret)
        *ret = f;
    return 0;
}

/* Cancels the jobs of a list that was taken off the queue. Returns how many were pending. */
static size_t drop_all(struct future *f) {
    size_t dropped = 0;
    while (f) {
        struct future *next = f->next; /* a dropped future may be gone */
        dropped += job_drop(f);
        f = next;
    }
    return dropped;
}

size_t pool_cancel_pending(struct pool *p) {
    pthread_mutex_lock(&p->lock);
    struct future *jobs = detach_locked(p);
    pthread_mutex_unlock(&p->lock);
    return drop_all(jobs);
}

size_t pool_threads(struct pool *p) {
    pthread_mutex_lock(&p->lock);
    size_t n = p->count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

size_t pool_bound(struct pool *p) {
    pthread_mutex_lock(&p->lock);
    size_t n = p->bound;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void pool_shutdown(struct pool *p, bool cancel_pending) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    struct future *jobs = cancel_pending ? detach_locked(p) : NULL;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    drop_all(jobs);
    for (size_t i = 0; i < p->count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    pthread_attr_destroy(&p->attr);
    free(p->threads);
    free(p);
}
