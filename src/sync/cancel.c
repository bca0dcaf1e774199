/*
 * cancel: see cancel.h.
 *
 * The watches in force form a binary heap by deadline. The token's thread sleeps until the earliest
 * one, or until an earlier one is put in, or until the token fires; it then shuts down every socket
 * that is due. A watch that has fired has left the heap and keeps slot NOT_IN_HEAP.
 *
 * The shutdown() calls are made under the lock: they do not block, and it is the lock that promises
 * cancel_unwatch() callers that the descriptor is not touched once it has returned.
 */
#include "sync/cancel.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOT_IN_HEAP SIZE_MAX

struct cancel {
    int event; /* readable once fired */
    atomic_bool fired;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what is below, and the watches in the heap */
    pthread_cond_t changed;
    struct watch **heap;
    size_t count;
    size_t cap;
    int64_t sleeps_until; /* of the thread; an earlier deadline must wake it */
    bool stop;
};

static void place_locked(struct cancel *c, size_t slot, struct watch *w) {
    c->heap[slot] = w;
    w->slot = slot;
}

static void sift_up_locked(struct cancel *c, struct watch *w) {
    size_t slot = w->slot;
    while (slot > 0 && c->heap[(slot - 1) / 2]->deadline > w->deadline) {
        place_locked(c, slot, c->heap[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    place_locked(c, slot, w);
}

static void sift_down_locked(struct cancel *c, struct watch *w) {
    size_t slot = w->slot;
    for (;;) {
        size_t child = 2 * slot + 1;
        if (child + 1 < c->count && c->heap[child + 1]->deadline < c->heap[child]->deadline)
            child++;
        if (child >= c->count || c->heap[child]->deadline >= w->deadline)
            break;
        place_locked(c, slot, c->heap[child]);
        slot = child;
    }
    place_locked(c, slot, w);
}

static void remove_locked(struct cancel *c, struct watch *w) {
    struct watch *last = c->heap[--c->count];
    if (last != w) {
        last->slot = w->slot;
        sift_up_locked(c, last);
        sift_down_locked(c, last);
    }
    w->slot = NOT_IN_HEAP;
}

static void shut_down_locked(struct cancel *c, struct watch *w) {
    remove_locked(c, w);
    w->fired = true;
    shutdown(w->fd, SHUT_RDWR);
}

static void wake_locked(struct cancel *c, int64_t deadline) {
    if (deadline < c->sleeps_until || atomic_load(&c->fired))
        pthread_cond_signal(&c->changed);
}

static void *run(void *arg) {
    struct cancel *c = arg;
    pthread_setname_np(pthread_self(), "deadlines");
    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        bool all = atomic_load(&c->fired);
        while (c->count > 0 && (all || c->heap[0]->deadline <= clock_now()))
            shut_down_locked(c, c->heap[0]);
        c->sleeps_until = c->count > 0 ? c->heap[0]->deadline : DEADLINE_NEVER;
        struct timespec until = deadline_timespec(c->sleeps_until);
        pthread_cond_clockwait(&c->changed, &c->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int start_thread(struct cancel *c) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int rc = pthread_create(&c->thread, NULL, run, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

int cancel_new(struct cancel **ret, struct error *err) {
    struct cancel *c = calloc(1, sizeof(*c));
    if (!c)
        return error_memory(err);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = c->event < 0 ? errno : start_thread(c);
    if (rc != 0) {
        fd_close(&c->event);
        free(c);
        return error_os(err, ERROR_INTERNAL, rc, "cannot start the thread that keeps deadlines");
    }
    *ret = c;
    return 0;
}

void cancel_free(struct cancel *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    fd_close(&c->event);
    free(c->heap);
    free(c);
}

void cancel_fire(struct cancel *c) {
    pthread_mutex_lock(&c->lock);
    if (!atomic_exchange(&c->fired, true)) {
        uint64_t one = 1;
        ssize_t written = write(c->event, &one, sizeof(one));
        (void)written; /* an eventfd that was never written takes one */
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
}

bool cancel_fired(struct cancel *c) {
    return atomic_load(&c->fired);
}

int cancel_fd(const struct cancel *c) {
    return c->event;
}

bool cancel_sleep(struct cancel *c, int64_t deadline) {
    struct pollfd p = {.fd = c->event, .events = POLLIN};
    while (!cancel_fired(c)) {
        int64_t left = deadline == DEADLINE_NEVER ? DEADLINE_NEVER : deadline - clock_now();
        if (left <= 0)
            return false;
        struct timespec t = deadline_timespec(left);
        ppoll(&p, 1, deadline == DEADLINE_NEVER ? NULL : &t, NULL);
    }
    return true;
}

int cancel_watch(struct cancel *c, struct watch *w, int fd, int64_t deadline, struct error *err) {
    *w = (struct watch){.cancel = c, .fd = fd, .deadline = deadline, .slot = NOT_IN_HEAP};
    pthread_mutex_lock(&c->lock);
    int rc = vec_reserve(&c->heap, &c->cap, c->count + 1, sizeof(*c->heap));
    if (rc == 0) {
        w->slot = c->count++;
        sift_up_locked(c, w);
        wake_locked(c, deadline);
    }
    pthread_mutex_unlock(&c->lock);
    return rc == 0 ? 0 : error_memory(err);
}

void cancel_rewatch(struct watch *w, int64_t deadline) {
    struct cancel *c = w->cancel;
    pthread_mutex_lock(&c->lock);
    if (w->slot != NOT_IN_HEAP) {
        w->deadline = deadline;
        sift_up_locked(c, w);
        sift_down_locked(c, w);
        wake_locked(c, deadline);
    }
    pthread_mutex_unlock(&c->lock);
}

bool cancel_unwatch(struct watch *w) {
    struct cancel *c = w->cancel;
    pthread_mutex_lock(&c->lock);
    if (w->slot != NOT_IN_HEAP)
        remove_locked(c, w);
    pthread_mutex_unlock(&c->lock);
    return w->fired;
}
