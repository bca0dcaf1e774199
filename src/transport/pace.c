/*
 * pace: see pace.h.
 *
 * The first in the queue waits for the time of its turn, the others for an event descriptor each,
 * by which whoever leaves wakes the next. Where there is nothing to wait for, nothing is allocated
 * and no descriptor is made. The mutex guards the rate and the queue; a waiter lives in the frame
 * of its thread.
 */
#include "transport/pace.h"

#include "base/clock.h"
#include "base/fd.h"
#include "sync/log.h"
#include "transport/gate.h"
#include "transport/rate.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

struct waiter {
    TAILQ_ENTRY(waiter) link;
    int event;
};

struct pace {
    char *jump_host;
    pthread_mutex_t lock;
    struct rate rate;
    TAILQ_HEAD(, waiter) queue;
};

int pace_new(double rate, const char *jump_host, struct pace **ret, struct error *err) {
    struct pace *p = calloc(1, sizeof(*p));
    char *copy = jump_host ? strdup(jump_host) : NULL;
    if (!p || (jump_host && !copy)) {
        free(copy);
        free(p);
        return error_memory(err);
    }
    p->jump_host = copy;
    rate_init(&p->rate, rate);
    TAILQ_INIT(&p->queue);
    pthread_mutex_init(&p->lock, NULL);
    *ret = p;
    return 0;
}

void pace_free(struct pace *p) {
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p->jump_host);
    free(p);
}

/* ---- the log ------------------------------------------------------------------------------- */

static void report(const struct pace *p, enum rate_change change, double rate) {
    struct log_field host = LOG_S("jump_host", p->jump_host);
    switch (change) {
    case RATE_SLOWED:
        log_warning("starting fewer sessions a second", LOG_F("rate", rate),
                    LOG_S("reason", "connections are dropped while they start"), host);
        break;
    case RATE_SLOWER:
        log_debug("starting fewer sessions a second", LOG_F("rate", rate), host);
        break;
    case RATE_WHOLE:
        log_info("starting sessions at full speed again", host);
        break;
    case RATE_UNRELATED:
        log_warning("starting sessions at full speed again",
                    LOG_S("reason", "slow starts are dropped as much"), host);
        break;
    case RATE_SAME:
        break;
    }
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Whether it is the time for the next to start; if so, it has. */
static bool start_locked(struct pace *p, struct start *ret, enum rate_change *change) {
    int64_t now = clock_now();
    if (rate_due(&p->rate, now) > now)
        return false;
    *change = rate_start(&p->rate, now);
    *ret = (struct start){p, now};
    return true;
}

/* Leaves the queue; whoever is the first then looks when its turn is. */
static void unqueue_locked(struct pace *p, struct waiter *w) {
    bool first = TAILQ_FIRST(&p->queue) == w;
    TAILQ_REMOVE(&p->queue, w, link);
    struct waiter *next = TAILQ_FIRST(&p->queue);
    if (first && next) /* an event descriptor that counts to one never blocks */
        eventfd_write(next->event, 1);
}

static enum waited wait_locked(struct pace *p, struct waiter *w, struct cancel *cancel,
                               int64_t deadline) {
    int64_t until = deadline;
    if (TAILQ_FIRST(&p->queue) == w)
        until = deadline_min(rate_due(&p->rate, clock_now()), deadline);
    pthread_mutex_unlock(&p->lock);
    enum waited waited = gate_wait(NULL, cancel, w->event, POLLIN, until);
    eventfd_t ignored;
    eventfd_read(w->event, &ignored);
    pthread_mutex_lock(&p->lock);
    return waited == WAITED_TIMEOUT && clock_now() < deadline ? WAITED_READY : waited;
}

static int wait_in_queue(struct pace *p, struct cancel *cancel, int64_t deadline, struct start *ret,
                         enum rate_change *change, struct error *err) {
    cleanup(fd_close) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return error_os(err, ERROR_INTERNAL, errno, "cannot make an event descriptor");
    struct waiter w = {.event = event};
    enum waited waited = WAITED_READY;
    bool started = false;
    pthread_mutex_lock(&p->lock);
    TAILQ_INSERT_TAIL(&p->queue, &w, link);
    while (waited == WAITED_READY && !started) {
        started = TAILQ_FIRST(&p->queue) == &w && start_locked(p, ret, change);
        if (!started)
            waited = wait_locked(p, &w, cancel, deadline);
    }
    unqueue_locked(p, &w);
    pthread_mutex_unlock(&p->lock);
    if (started)
        return 0;
    if (waited == WAITED_CANCELLED)
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    return error_set(err, ERROR_TIMEOUT, "the server's deadline passed before its turn to start");
}

int pace_wait(struct pace *p, struct cancel *cancel, int64_t deadline, struct start *ret,
              struct error *err) {
    enum rate_change change = RATE_SAME;
    pthread_mutex_lock(&p->lock);
    bool started = TAILQ_EMPTY(&p->queue) && start_locked(p, ret, &change);
    pthread_mutex_unlock(&p->lock);
    if (!started && wait_in_queue(p, cancel, deadline, ret, &change, err) != 0)
        return -1;
    report(p, change, 0);
    return 0;
}

/* ---- outcomes ------------------------------------------------------------------------------ */

void pace_tell(struct start *s, bool dropped) {
    struct pace *p = TAKE(s->pace);
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    enum rate_change change = rate_learn(&p->rate, s->began, dropped, clock_now());
    double rate = p->rate.now;
    pthread_mutex_unlock(&p->lock);
    report(p, change, rate);
}

bool pace_means_dropped(const char *words) {
    static const char *const said[] = {"Connection closed by",     "Connection reset by",
                                       "closed by remote host",    "Exceeded MaxStartups",
                                       "Not allowed at this time", "exchange_identification"};
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        if (strstr(words, said[i]))
            return true;
    return false;
}
