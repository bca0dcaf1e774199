/*
 * pace: a queue for those who are about to start a session, at so many a second.
 *
 * There is one for the run, as fast as `ssh.start_rate` says, and one for each way to the servers
 * (directly, or through a jump host) that slows down while sessions are dropped as they start
 * (transport/rate.h). Turns are given in the order in which they were asked for; a change of the
 * rate is logged once.
 *
 * Threads: any thread.
 */
#pragma once

#include "base/error.h"
#include "sync/cancel.h"

#include <stdbool.h>
#include <stdint.h>

struct pace;

/*
 * `rate` is in starts a second, 0: any number until some are dropped. `jump_host`, for the log, is
 * copied; NULL: none. Fails with ERROR_INTERNAL.
 */
int pace_new(double rate, const char *jump_host, struct pace **ret, struct error *err) must_use;

/* Nobody may wait. NULL is allowed. */
void pace_free(struct pace *p);

/* One start, to tell its outcome of. Zeroed: there is nothing to tell. */
struct start {
    struct pace *pace;
    int64_t began;
};

/*
 * Waits for a turn. Fails with ERROR_TIMEOUT (without a sentence worth showing: the caller knows
 * what was waited for), ERROR_INTERRUPTED or ERROR_INTERNAL.
 */
int pace_wait(struct pace *p, struct cancel *cancel, int64_t deadline, struct start *ret,
              struct error *err) must_use;

/*
 * Tells whether the session was dropped while it started: its connection ended before the keys were
 * exchanged, and neither side had said why not to. Only the first call for a start counts.
 */
void pace_tell(struct start *s, bool dropped);

/* Whether words of ssh or of a server say that it was dropped. */
bool pace_means_dropped(const char *words);
