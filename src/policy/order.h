/* order: which servers are begun first. Pure. */
#pragma once

#include "model/history.h"

#include <stddef.h>

/*
 * Sorts them by what they are expected to take, the longest first: a long one that is begun last
 * would be worked on alone at the end, while a short one fits in anywhere. With so many workers as
 * there may be, the run then takes at most 4/3 - 1/(3 workers) times as long as in the best order
 * (Graham 1969, Bounds on Multiprocessing Timing Anomalies, SIAM Journal on Applied Mathematics
 * 17:416-429), and next to nothing more where servers are many and short ones are among them.
 *
 * One of which nothing is known may be the longest of all, so these come before all others. What is
 * alike stays in the order of positions.
 */
void order_longest_first(struct history_expected *items, size_t n);
