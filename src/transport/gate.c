/*
 * gate: see gate.h.
 *
 * Waiters stand in a list, each with an event descriptor of its own, so that a place that is given
 * back wakes exactly the one that gets it, and so that a waiter can poll() for the cancel token at
 * the same time. Without a queue nothing is allocated and no descriptor is made.
 */
#include "transport/gate.h"

#include "base/fd.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

/* In the frame of the thread that waits. */
struct waiter {
    TAILQ_ENTRY(waiter) link;
    int event;
    bool granted;
};

struct gate {
    int places;
    pthread_mutex_t lock;
    int held;
    int most;
    TAILQ_HEAD(, waiter) queue;
};

int gate_new(int places, struct gate **ret, struct error *err) {
    struct gate *g = calloc(1, sizeof(*g));
    if (!g)
        return error_memory(err);
    g->places = places;
    TAILQ_INIT(&g->queue);
    pthread_mutex_init(&g->lock, NULL);
    *ret = g;
    return 0;
}

void gate_free(struct gate *g) {
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static bool take_locked(struct gate *g) {
    if (g->held >= g->places)
        return false;
    g->held++;
    if (g->held > g->most)
        g->most = g->held;
    return true;
}

/* Whether a place was free; else the waiter stands in the queue. */
static bool take_or_queue(struct gate *g, struct waiter *w) {
    pthread_mutex_lock(&g->lock);
    bool taken = take_locked(g);
    if (!taken)
        TAILQ_INSERT_TAIL(&g->queue, w, link);
    pthread_mutex_unlock(&g->lock);
    return taken;
}

static bool try_take(struct gate *g) {
    pthread_mutex_lock(&g->lock);
    bool taken = take_locked(g);
    pthread_mutex_unlock(&g->lock);
    return taken;
}

/* Leaves the queue. Whether a place was granted, perhaps at the last moment. */
static bool unqueue(struct gate *g, struct waiter *w) {
    pthread_mutex_lock(&g->lock);
    if (!w->granted)
        TAILQ_REMOVE(&g->queue, w, link);
    pthread_mutex_unlock(&g->lock);
    return w->granted;
}

static int wait_in_queue(struct gate *g, struct cancel *cancel, int64_t deadline,
                         struct error *err) {
    cleanup(fd_close) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return error_os(err, ERROR_INTERNAL, errno, "cannot make an event descriptor");
    struct waiter w = {.event = event};
    if (take_or_queue(g, &w))
        return 0;
    enum waited waited = gate_wait(NULL, cancel, event, POLLIN, deadline);
    if (unqueue(g, &w))
        return 0;
    if (waited == WAITED_CANCELLED)
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    return error_set(err, ERROR_TIMEOUT, "the server's deadline passed before its turn to connect");
}

int gate_enter(struct gate *g, struct cancel *cancel, int64_t deadline, struct place *ret,
               struct error *err) {
    if (!try_take(g) && wait_in_queue(g, cancel, deadline, err) != 0)
        return -1;
    *ret = (struct place){.gate = g};
    gate_renew(ret);
    return 0;
}

void gate_renew(struct place *p) {
    p->until = deadline_in(GATE_HOLD);
}

void gate_leave(struct place *p) {
    struct gate *g = TAKE(p->gate);
    if (!g)
        return;
    pthread_mutex_lock(&g->lock);
    struct waiter *next = TAILQ_FIRST(&g->queue);
    if (next) {
        TAILQ_REMOVE(&g->queue, next, link);
        next->granted = true;
        /* under the lock, because the waiter may close it once it sees that it was granted; an
         * event descriptor that counts to one never blocks */
        eventfd_write(next->event, 1);
    } else {
        g->held--;
    }
    pthread_mutex_unlock(&g->lock);
}

int gate_most(struct gate *g) {
    pthread_mutex_lock(&g->lock);
    int most = g->most;
    pthread_mutex_unlock(&g->lock);
    return most;
}

enum waited gate_poll(struct place *place, struct cancel *cancel, struct pollfd *set, size_t n,
                      int64_t deadline) {
    set[n - 1] = (struct pollfd){.fd = cancel_fd(cancel), .events = POLLIN};
    for (;;) {
        bool holds = place && place->gate;
        int64_t until = holds ? deadline_min(deadline, place->until) : deadline;
        int ready = poll(set, n, deadline_left_ms(until));
        if (ready < 0 && errno != EINTR && errno != EAGAIN)
            return WAITED_READY; /* whoever reads or writes next finds out */
        if (ready > 0)
            return set[n - 1].revents ? WAITED_CANCELLED : WAITED_READY;
        int64_t now = clock_now();
        if (holds && now >= place->until)
            gate_leave(place);
        if (now >= deadline)
            return WAITED_TIMEOUT;
    }
}

enum waited gate_wait(struct place *place, struct cancel *cancel, int fd, short events,
                      int64_t deadline) {
    struct pollfd set[] = {{.fd = fd, .events = events}, {0}};
    return gate_poll(place, cancel, set, ARRAY_LEN(set), deadline);
}
