/*
 * cancel: the one way to end a run early, and the deadlines of blocking calls.
 *
 * A token starts unfired and can be fired once. Whoever waits takes part in one of two ways:
 *
 *   - a poll() adds cancel_fd() to its set: the descriptor becomes readable when the token fires;
 *   - a call that blocks on a socket without a time-out of its own (libssh) is wrapped in
 *     cancel_watch() and cancel_unwatch(): at the deadline, or when the token fires, the token's
 *     thread calls shutdown() on the socket, which wakes the blocked call at once with an error or
 *     an end of file. The descriptor stays open and stays its owner's.
 *
 * A struct watch lives in the caller's frame or struct; it must be unwatched before the descriptor
 * is closed. Watching costs a short lock and O(log n) of the watches in force, no allocation once
 * the table has grown.
 *
 * Threads: every function may be called by any thread; one struct watch belongs to one thread.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cancel;

struct watch {
    struct cancel *cancel;
    int fd;
    int64_t deadline;
    size_t slot; /* place in the token's heap */
    bool fired;  /* the socket was shut down by the token */
};

/* Starts the token's thread, with every signal blocked. Fails with ERROR_INTERNAL. */
int cancel_new(struct cancel **ret, struct error *err) must_use;

/* No watch may be in force. NULL is allowed. */
void cancel_free(struct cancel *c);

/* Fires the token. Again is allowed and does nothing. Not for signal handlers. */
void cancel_fire(struct cancel *c);

bool cancel_fired(struct cancel *c);

/* Readable from the moment the token fires. Never read from it. */
int cancel_fd(const struct cancel *c);

/*
 * Waits until the deadline or until the token fires. Returns true when it fired.
 */
bool cancel_sleep(struct cancel *c, int64_t deadline);

/*
 * Watches the socket `fd` until cancel_unwatch(). A deadline that has passed, or a fired token,
 * shuts the socket down at once. Fails with ERROR_INTERNAL when memory runs out; nothing is watched
 * then.
 */
int cancel_watch(struct cancel *c, struct watch *w, int fd, int64_t deadline,
                 struct error *err) must_use;

/* Moves the deadline of a watch that is in force. */
void cancel_rewatch(struct watch *w, int64_t deadline);

/*
 * Ends the watch. Once it has returned, the token does not touch the descriptor any more. Returns
 * whether the socket was shut down by it.
 */
bool cancel_unwatch(struct watch *w);
