/*
 * relay: carries a session to the agent that lingers.
 */
#pragma once

#include "io.h"

/*
 * Passes on what muster has sent already, then bytes in both directions, until either side ends,
 * muster is silent for its lease, or a signal comes. Closes `other`.
 */
void relay_run(struct io *io, int other);
