/*
 * estimate: how long a run will still take, from what connecting and benchmarks have taken so far.
 * Pure.
 */
#pragma once

#include "live/board.h"

/*
 * Seconds until the last server is done; 0 when all are. NAN: too early to say, because servers are
 * in a benchmark that no server has ended yet, or nothing was begun.
 */
double estimate_left(const struct board_view *v);

/* Servers a second that were given a verdict in this sitting; NAN: none was. */
double estimate_rate(const struct board_view *v);
