/*
 * signals: Ctrl-C and its kin, for a command that runs for long.
 *
 * Each SIGINT or SIGTERM takes the next step that the command has given, and the one after the last
 * step ends the program at once with 128+N. SIGHUP opens the log's files anew. SIGTSTP takes the
 * log's block off the terminal before the program stops, SIGCONT brings it back, SIGWINCH has it
 * drawn anew.
 */
#pragma once

#include "base/error.h"
#include "sync/cancel.h"

#include <stddef.h>
#include <stdint.h>

#define SIGNALS_STEPS 2

/* What the signals lead to, one after the other. */
struct signals_steps {
    struct cancel *fire[SIGNALS_STEPS]; /* NULL: nothing (yet: signals_aim()) */
    const char *says[SIGNALS_STEPS];    /* a warning of the log; NULL: there is no such step */
    int64_t grace; /* ns after the first, when what the second fires is fired without a signal */
};

/* That of a command with one token, which ends what it does. */
#define SIGNALS_END(cancel)                                                                        \
    ((struct signals_steps){                                                                       \
        .fire = {(cancel)},                                                                        \
        .says = {                                                                                  \
            "interrupted: ending sessions, saving what was measured; once more to exit at once"}})

struct signals;

/*
 * To be called before any other thread is started: blocks the signals in the calling thread, which
 * later threads inherit, ignores SIGPIPE, and starts the thread that waits for them. Fails with
 * ERROR_INTERNAL.
 */
int signals_start(struct signals_steps steps, struct signals **ret, struct error *err) must_use;

/*
 * From now on the step fires this token, NULL for none; at once where the step was taken already.
 * When it returns, nobody uses the one before.
 */
void signals_aim(struct signals *s, size_t step, struct cancel *cancel);

/* The first signal that was taken, or 0. */
int signals_caught(const struct signals *s);

/*
 * To be called before the log is closed: waits until what there is to say of the signals that were
 * taken is in it. Who was ended by one may be done before the thread that took it has spoken. Not
 * for long: a terminal may take nothing. NULL is allowed.
 */
void signals_hear_out(struct signals *s);

/* Ends the thread. The signals stay blocked. NULL is allowed. */
void signals_stop(struct signals *s);
