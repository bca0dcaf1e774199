/*
 * cancel: the one way to end a run early.
 *
 * A token starts unfired and can be fired once. Whatever waits, waits in a poll() of its own that
 * has cancel_fd() in its set and a deadline of its own for a time-out; so there is no wait in the
 * program that a token does not end at once.
 *
 * Threads: every function may be called by any thread.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct cancel;

/* Fails with ERROR_INTERNAL. */
int cancel_new(struct cancel **ret, struct error *err) must_use;

/* NULL is allowed. */
void cancel_free(struct cancel *c);

/* Fires the token. Again is allowed and does nothing. */
void cancel_fire(struct cancel *c);

bool cancel_fired(const struct cancel *c);

/* When it was, of clock_now(); 0 while it was not. */
int64_t cancel_fired_at(const struct cancel *c);

/* Readable from the moment the token fires. Never read from it. */
int cancel_fd(const struct cancel *c);

/* Waits until the deadline or until the token fires. Returns true when it fired. */
bool cancel_sleep(const struct cancel *c, int64_t deadline);
