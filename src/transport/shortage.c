/*
 * shortage: see shortage.h.
 *
 * Whoever waits stands in a queue and holds nothing, so that those who go on cannot want for what a
 * waiter has. Everyone who has held something and ends wakes the first; the first also tries every
 * second, since other programs give back, too. One that fails wakes nobody, or those who wait would
 * wake each other for nothing, unless it was the last to hold anything: of two who each had half of
 * what the other lacked, one goes on then. An attempt is final only when nobody else held anything
 * while it lasted.
 *
 * A waiter sleeps on a condition of its own, because there may be no descriptor to poll() on, and
 * looks every few milliseconds whether the run has ended. The mutex guards all of it.
 */
#include "transport/shortage.h"

#include "base/clock.h"
#include "sync/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>

#define STEP (50 * CLOCK_MS)
#define TRY_ANYWAY CLOCK_S

struct waiter {
    TAILQ_ENTRY(waiter) link;
    pthread_cond_t woken;
    bool may_try;
};

/* Of all runs in this process. What others hold is not told when it is given back. */
static atomic_int all_holders;

struct shortage {
    struct cancel *cancel;
    pthread_mutex_t lock;
    int holders;
    uint64_t returns;
    bool said;
    TAILQ_HEAD(, waiter) queue;
};

int shortage_new(struct cancel *cancel, struct shortage **ret, struct error *err) {
    struct shortage *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->cancel = cancel;
    pthread_mutex_init(&s->lock, NULL);
    TAILQ_INIT(&s->queue);
    *ret = s;
    return 0;
}

void shortage_free(struct shortage *s) {
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- holding ------------------------------------------------------------------------------- */

/* The first that sleeps. */
static void wake_one_locked(struct shortage *s) {
    struct waiter *w;
    TAILQ_FOREACH(w, &s->queue, link)
    if (!w->may_try)
        break;
    if (!w)
        return;
    w->may_try = true;
    pthread_cond_signal(&w->woken);
}

void shortage_enter(struct shortage *s) {
    if (!s)
        return;
    atomic_fetch_add(&all_holders, 1);
    pthread_mutex_lock(&s->lock);
    s->holders++;
    pthread_mutex_unlock(&s->lock);
}

void shortage_leave(struct shortage *s) {
    if (!s)
        return;
    atomic_fetch_sub(&all_holders, 1);
    pthread_mutex_lock(&s->lock);
    s->holders--;
    s->returns++;
    wake_one_locked(s);
    pthread_mutex_unlock(&s->lock);
}

struct attempt shortage_attempt(struct shortage *s) {
    struct attempt a = {0};
    if (!s)
        return a;
    pthread_mutex_lock(&s->lock);
    a.returns = s->returns;
    pthread_mutex_unlock(&s->lock);
    return a;
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Raises the soft limit of open files as far as it goes. Whether that was what lacked. */
static bool raise_limit(int os) {
    struct rlimit limit;
    if (os != EMFILE || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Until it is woken as the first, or may try without; false: at the deadline, or with the run. */
static bool wait_locked(struct shortage *s, int64_t deadline) {
    struct waiter w = {.woken = PTHREAD_COND_INITIALIZER};
    int64_t anyway = deadline_in(TRY_ANYWAY), now;
    TAILQ_INSERT_TAIL(&s->queue, &w, link);
    while (!w.may_try && (now = clock_now()) < deadline && !cancel_fired(s->cancel)) {
        if (TAILQ_FIRST(&s->queue) == &w && now >= anyway)
            break;
        struct timespec until = deadline_timespec(deadline_min(deadline, now + STEP));
        pthread_cond_clockwait(&w.woken, &s->lock, CLOCK_MONOTONIC, &until);
    }
    TAILQ_REMOVE(&s->queue, &w, link);
    pthread_cond_destroy(&w.woken);
    if (!cancel_fired(s->cancel) && clock_now() < deadline)
        return true;
    wake_one_locked(s); /* in its place */
    return false;
}

/* Whether others held something while the attempt lasted. */
static bool may_pass_locked(const struct shortage *s, const struct attempt *a) {
    return s->holders > 1 || s->returns != a->returns || atomic_load(&all_holders) > 1;
}

static int failed(const struct shortage *s, struct error *err) {
    if (cancel_fired(s->cancel))
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    err->kind = ERROR_TIMEOUT;
    return error_prefix(err, "the server's deadline passed while others held what it lacked");
}

/* Gives back, and waits for others to do so. Whether it was in time. */
static bool stand_back_locked(struct shortage *s, int64_t deadline) {
    /* what others gave back meanwhile may be there now, if nobody waits for it */
    bool at_once = s->holders == 1 && TAILQ_EMPTY(&s->queue) && atomic_load(&all_holders) == 1;
    s->returns++;
    atomic_fetch_sub(&all_holders, 1);
    if (--s->holders == 0)
        wake_one_locked(s);
    bool in_time = at_once || wait_locked(s, deadline);
    s->holders++;
    atomic_fetch_add(&all_holders, 1);
    return in_time;
}

bool shortage_outlast(struct shortage *s, struct attempt *a, int64_t deadline, struct error *err) {
    if (!s || !error_is_shortage(err))
        return false;
    if (raise_limit(err->os))
        return true;
    pthread_mutex_lock(&s->lock);
    bool may_pass = may_pass_locked(s, a), said = s->said;
    int others = s->holders - 1;
    s->said |= may_pass;
    pthread_mutex_unlock(&s->lock);
    if (!may_pass)
        return false;
    if (!said) /* before the wait, which may be long */
        log_warning("fewer servers at once than asked for", LOG_I("sessions", others),
                    LOG_S("reason", strerrordesc_np(err->os)));
    pthread_mutex_lock(&s->lock);
    bool in_time = stand_back_locked(s, deadline);
    a->returns = s->returns;
    pthread_mutex_unlock(&s->lock);
    return in_time || failed(s, err) == 0;
}
