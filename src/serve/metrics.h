/*
 * metrics: what the store has, for Prometheus.
 *
 * How many runs there are, by state, and how many workers, by site; and of the last run all that
 * `muster report --format prometheus` writes. It is of one run however many there are, so its size
 * is bounded by the fleet.
 */
#pragma once

#include "serve/route.h"

route_fn metrics_text; /* /metrics */
