/*
 * baselinelist: baselines for people, and for programs.
 *
 * Pure functions; any thread.
 */
#pragma once

#include "base/str.h"
#include "model/baseline.h"

/*
 * A table, under each kind's name:
 *
 *     EPYC 9654 x2 192c 768G
 *       memory    triad        412.5 GB/s   0.75 %   31  20261122-111344-7f3a2c
 */
void baselinelist_add(struct str *out, const struct baselines *list);

/* A JSON array of objects. */
void baselinelist_add_json(struct str *out, const struct baselines *list);

/* How many of the newer ones ... */
struct baseline_difference {
    size_t added;   /* ... there was none for */
    size_t changed; /* ... are in the place of one that says something else */
    size_t same;
};

/*
 * What `newer` would change, one line each, under each kind's name:
 *
 *     EPYC 9654 x2 192c 768G
 *       memory    triad        412.5 GB/s (31 servers) -> 398.1 GB/s (29 servers), -3.5 %
 *       gpu       gemm         new: 890 Tflop/s (29 servers)
 */
struct baseline_difference baselinelist_add_difference(struct str *out,
                                                       const struct baselines *older,
                                                       const struct baselines *newer);
