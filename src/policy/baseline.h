/*
 * baseline: what the servers of a run teach about their kinds (model/baseline.h).
 *
 * Of each kind the servers that passed are taken, and of each metric their values but for those
 * that are outliers: further from the median than 3.5 robust standard deviations (the modified
 * z-score of Iglewicz and Hoaglin, model/stats.h), to either side, and by at least 3 %. The median
 * and the scale of what is left are the baseline, and how many they are its count. Outliers are
 * dropped once: the median and the MAD stand up to nearly half of the values being wrong, so that
 * what they mark at first is what there is to mark.
 *
 * Values in two groups (policy/peers.h) get one baseline all the same, because nothing but the
 * values tells the groups apart; that is remarked.
 *
 * Kinds are told apart by their disk too where the metric is one of a disk. Pure functions.
 */
#pragma once

#include "base/error.h"
#include "model/baseline.h"
#include "policy/cohort.h"

#include <stddef.h>
#include <stdint.h>

#define BASELINE_SERVERS 5       /* of a kind, at least, unless the user says */
#define BASELINE_Z 3.5           /* beyond it, to either side, a value is an outlier, ... */
#define BASELINE_DIFFERENCE 0.03 /* ... when it is also this share of the median away from it */

/* A kind that nothing was learned of. */
struct baseline_gap {
    const char *kind; /* of the cohort */
    size_t passed;    /* so many servers: too few, or they are COHORT_UNKNOWN */
};

/* A metric that is in two groups of servers of one kind. */
struct baseline_groups {
    char *kind; /* owned; its disk too where the metric is one of a disk */
    const char *benchmark, *metric, *unit; /* of the cohort; the unit may be NULL */
    size_t lower, upper;                   /* servers in each, before outliers are dropped */
    double lower_median, upper_median;
};

/* What one should know of what was learned. */
struct baseline_remarks {
    struct baseline_gap *gaps;
    size_t gap_count, gap_cap;
    struct baseline_groups *groups;
    size_t group_count, group_cap;
};

void baseline_remarks_done(struct baseline_remarks *r);

/*
 * Learns from the kinds of which at least `min` servers passed, and from the metrics that at least
 * `min` of them have; *remarks gets the others that have servers that passed. `run` and `taken` are
 * noted with what was learned. Fails with ERROR_INTERNAL.
 */
int baseline_learn(const struct cohort *c, size_t min, const char *run, int64_t taken,
                   struct baselines *ret, struct baseline_remarks *remarks,
                   struct error *err) must_use;
