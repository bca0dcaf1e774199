/*
 * aside: see aside.h.
 *
 * Who comes second, the call that is done or the caller who gives it up, knows it by the state, and
 * sees to the argument. What the two share goes with the later one.
 *
 * Threads: one for each call, detached, with every signal blocked.
 */
#include "sync/aside.h"

#include "base/clock.h"
#include "base/fd.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RUNNING, DONE, GIVEN_UP };

struct call {
    struct aside what;
    int done; /* an eventfd */
    atomic_int state;
    atomic_int users;
};

static void leave(struct call *c) {
    if (atomic_fetch_sub(&c->users, 1) > 1)
        return;
    fd_close(&c->done);
    free(c);
}

static void *run(void *arg) {
    struct call *c = arg;
    uint64_t one = 1;
    pthread_setname_np(pthread_self(), "aside");
    c->what.run(c->what.arg);
    if (atomic_exchange(&c->state, DONE) == GIVEN_UP)
        c->what.drop(c->what.arg);
    else
        (void)!write(c->done, &one, sizeof(one));
    leave(c);
    return NULL;
}

static bool start(struct call *c) {
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    if (pthread_attr_init(&attr) != 0)
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool started = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
                   pthread_create(&thread, &attr, run, c) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return started;
}

/* NULL: it is not to be had. */
static struct call *begin(const struct aside *a) {
    struct call *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    *c = (struct call){.what = *a, .done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .users = 2};
    if (c->done >= 0 && start(c))
        return c;
    fd_close(&c->done);
    free(c);
    return NULL;
}

bool aside_run(const struct aside *a, const struct ending *e) {
    if (e->cancel && ending_passed(e)) {
        a->drop(a->arg);
        return false;
    }
    struct call *c = e->cancel ? begin(a) : NULL;
    if (!c) {
        a->run(a->arg);
        return true;
    }
    struct pollfd fd = {.fd = c->done, .events = POLLIN};
    (void)ending_wait(e, &fd, 0, DEADLINE_NEVER);
    /* asked in any case: it orders what the call wrote, which a descriptor does not */
    bool done = atomic_exchange(&c->state, GIVEN_UP) == DONE;
    leave(c);
    return done;
}
