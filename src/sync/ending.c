/* ending: see ending.h. */
#include "sync/ending.h"

#include "base/clock.h"

int64_t ending_deadline(const struct ending *e, int64_t from) {
    if (!e->cancel || !cancel_fired(e->cancel))
        return DEADLINE_NEVER;
    int64_t fired = cancel_fired_at(e->cancel);
    return (fired > from ? fired : from) + e->moment;
}

bool ending_passed(const struct ending *e) {
    return clock_now() >= ending_deadline(e, 0);
}

bool ending_wait(const struct ending *e, struct pollfd *fd, int64_t from, int64_t deadline) {
    for (;;) {
        int64_t limit = ending_deadline(e, from), until = deadline_min(deadline, limit);
        bool unfired = e->cancel && limit == DEADLINE_NEVER; /* else its descriptor has its word */
        struct pollfd fds[2] = {*fd, {.fd = unfired ? cancel_fd(e->cancel) : -1, .events = POLLIN}};
        int rc = poll(fds, 2, deadline_left_ms(until));
        fd->revents = rc > 0 ? fds[0].revents : 0;
        if (fd->revents)
            return true;
        if (clock_now() >= until)
            return false;
    }
}
