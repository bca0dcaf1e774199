/* cancel: see cancel.h. A flag to ask, and an eventfd to wait for. */
#include "sync/cancel.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct cancel {
    int event;             /* readable once fired */
    _Atomic int64_t fired; /* when that was; 0: it was not */
};

int cancel_new(struct cancel **ret, struct error *err) {
    struct cancel *c = calloc(1, sizeof(*c));
    if (!c)
        return error_memory(err);
    c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->event < 0) {
        free(c);
        return error_os(err, ERROR_INTERNAL, errno, "cannot make a descriptor to wait for");
    }
    *ret = c;
    return 0;
}

void cancel_free(struct cancel *c) {
    if (!c)
        return;
    fd_close(&c->event);
    free(c);
}

void cancel_fire(struct cancel *c) {
    int64_t never = 0;
    if (!atomic_compare_exchange_strong(&c->fired, &never, clock_now()))
        return;
    uint64_t one = 1;
    ssize_t written = write(c->event, &one, sizeof(one));
    (void)written; /* an eventfd that was never written takes one */
}

bool cancel_fired(const struct cancel *c) {
    return atomic_load(&c->fired) != 0;
}

int64_t cancel_fired_at(const struct cancel *c) {
    return atomic_load(&c->fired);
}

int cancel_fd(const struct cancel *c) {
    return c->event;
}

bool cancel_sleep(const struct cancel *c, int64_t deadline) {
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
