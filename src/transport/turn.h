/*
 * turn: what a session waits for before it starts: its way's pace, a place among the handshakes,
 * and the run's pace.
 */
#pragma once

#include "transport/sshlink.h"

/*
 * Takes a turn for the link of the server `name`, which goes by the way that `way` paces. Whoever
 * starts tells what came of it with pace_tell(&link->start). Fails with ERROR_TIMEOUT,
 * ERROR_INTERRUPTED or ERROR_INTERNAL. Any thread.
 */
int turn_take(const struct sshkit *kit, struct pace *way, const char *name, struct link *link,
              int64_t deadline, struct error *err) must_use;

/* Fills *err for a server whose deadline passed before its turn came. Returns -1. */
int turn_missed(const char *name, struct error *err);
