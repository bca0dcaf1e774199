/*
 * linger: how a session finds the agent that an earlier one has lost.
 */
#pragma once

#include "lease.h"

#include <stdbool.h>

/*
 * Looks for the agent that is there for this run on the server that the lease's key stands for.
 * When there is one, *ret is a connection to it and 1 is returned. Else this agent is the one to be
 * found from now on: *ret is what linger_accept() takes, and 0 is returned. Returns -1 where
 * neither can be had, or the name is another user's.
 */
int linger_meet(const char *run, const struct lease *lease, int *ret);

/* The connection of a session that takes over, or -1: there is none, or it is another user's. */
int linger_accept(int listener);
