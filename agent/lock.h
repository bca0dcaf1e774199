/*
 * lock: one run at a time on a server, so that two never measure each other.
 */
#pragma once

#include "answer.h"
#include "io.h"

/* The longest run id; it consists of letters, digits, `-`, `_` and `.`. */
#define LOCK_RUN_MAX 64

bool lock_run_valid(const char *run);

/* Whether the lock works on this machine. */
bool lock_works(void);

/*
 * Takes the lock for `run` until lock_release(), or until the process ends, unless it has it.
 * Agents of one run share it. Another run is waited for as long as the lease says, once in a
 * session. Returns 0 (also where the lock does not work), or -1 with the failure `busy`, which
 * names the other run; after -1 the session may have ended.
 */
int lock_take(struct io *io, const char *run, struct failure *f);

/* Gives it back, if this agent has it; the next lock_take() may have to wait. */
void lock_release(void);

/* Whether another agent of the run that has the lock measures here, too. */
bool lock_shared(void);
