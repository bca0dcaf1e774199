/*
 * ending: for how long somebody who is to end still waits for others.
 *
 * Before its token is fired it waits as long as it likes. From then on it has a moment: for each
 * answer of those whom it is talking to, and altogether for those whom it would have to find first.
 * So one that is answered comes to its end however much it has to say, and one that is not ends a
 * moment later.
 *
 * Plain data; the token is borrowed. All zero is one that never ends.
 */
#pragma once

#include "sync/cancel.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct ending {
    const struct cancel *cancel;
    int64_t moment; /* ns */
};

/*
 * When the moment is over that began when the token was fired, or at `from` where that is later;
 * DEADLINE_NEVER while the token is not fired.
 */
int64_t ending_deadline(const struct ending *e, int64_t from);

/* Whether the moment after the token is over. */
bool ending_passed(const struct ending *e);

/*
 * Waits for what `fd` may have to say until the deadline at most, and no longer than
 * ending_deadline() lets it. Returns whether there is anything.
 */
bool ending_wait(const struct ending *e, struct pollfd *fd, int64_t from, int64_t deadline);
