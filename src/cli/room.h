/* room: as many servers at once as this machine has room for. */
#pragma once

#include "cli/runoptions.h"
#include "model/server.h"

/*
 * Makes room for the sessions of a run with these options, by raising the process's soft limits as
 * far as they must be. Returns the fan-out that there is room for: `asked`, or less, never below 1,
 * with one line in the log that says what it is for want of. `total`: servers of the run; where
 * `servers` does not have them, each is taken to have an address of its own.
 */
int room_for(const struct run_options *o, const struct servers *servers, size_t total, int asked);
