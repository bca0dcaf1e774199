/*
 * signals: Ctrl-C and its kin, for a command that runs for long.
 *
 * The first SIGINT or SIGTERM fires the cancel token, the second ends the program at once with
 * 128+N. SIGHUP opens the log's files anew. SIGTSTP takes the log's block off the terminal before
 * the program stops, SIGCONT brings it back, SIGWINCH has it drawn anew.
 */
#pragma once

#include "base/error.h"
#include "sync/cancel.h"

struct signals;

/*
 * To be called before any other thread is started: blocks the signals in the calling thread, which
 * later threads inherit, ignores SIGPIPE, and starts the thread that waits for them. Fails with
 * ERROR_INTERNAL.
 */
int signals_start(struct cancel *cancel, struct signals **ret, struct error *err) must_use;

/* The signal that fired the token, or 0. */
int signals_caught(const struct signals *s);

/* Ends the thread. The signals stay blocked. NULL is allowed. */
void signals_stop(struct signals *s);
