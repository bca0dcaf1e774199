/*
 * compare: what changed between two runs, kind by kind and metric by metric.
 *
 * Servers are those of both runs that have one name, or one machine where a name is in one run
 * only. The kind of a server is the later run's, or the earlier's where that one does not know it.
 *
 * The ratio of a metric is that of the later to the earlier value: the median of the ratios of the
 * servers that were measured in both runs, where these are at least half of what the smaller side
 * measured, with the median's distribution-free interval; else the ratio of the two sets of servers
 * by Hodges and Lehmann, with Moses's interval, on logarithms (model/shift.h). Values of zero and
 * below have no ratio and are left out.
 *
 * Intervals hold all metrics together with 95 %: of k metrics each one's has 1 - 0.05 / k
 * (Bonferroni). Where there are too few servers for that it is the widest there is, if that has 95
 * % for itself: 6 servers in both runs, or 4 and 4. With fewer nothing is said to be worse or
 * better.
 *
 * Pure functions of two cohorts, from which a comparison borrows. They fail with ERROR_INTERNAL.
 */
#pragma once

#include "model/stats.h"
#include "policy/cohort.h"

#define COMPARE_NONE ((size_t)-1)
#define COMPARE_PERCENT 3.0 /* what counts when nothing else is asked for */

enum compare_change {
    COMPARE_SAME,   /* no change that is sure and large enough */
    COMPARE_WORSE,  /* the interval is on the bad side of 1, and the ratio by enough */
    COMPARE_BETTER, /* the same on the good side */
    COMPARE_UNSURE, /* too few servers for an interval, or no ratio */
};

/* A server of either run. */
struct compare_server {
    size_t before, after; /* rows of the cohorts; COMPARE_NONE: not in that run */
    const char *name;     /* the later one */
    const char *kind, *disk;
};

struct compare_metric {
    const char *kind;
    const char *disk; /* of a metric of disks; or NULL */
    const struct cohort_metric
        *metric; /* of the later run, or of the earlier when only that has it */
    size_t before_count, after_count; /* servers that were measured */
    size_t pairs;                     /* in both runs, with a ratio */
    bool paired;
    double before, after;           /* medians; NAN: not measured */
    double ratio;                   /* NAN: there is none */
    double percent;                 /* of the ratio; negative: worse */
    struct stats_interval interval; /* of the ratio; NAN and a coverage of 0: there is none */
    enum compare_change change;
};

/* A server that went another way than those of its kind. */
struct compare_move {
    size_t server, metric; /* of the comparison */
    double before, after;
    double percent; /* negative: worse */
};

struct comparison {
    struct compare_server *servers; /* by kind, then in the later run's order */
    size_t server_count;
    struct compare_metric *metrics; /* by kind, then in the later run's order */
    size_t metric_count, metric_cap;
    struct compare_move *moves; /* the worst first */
    size_t move_count, move_cap;
};

/*
 * Compares. A change of a metric counts from `percent` on. A server moved when its ratio is that
 * far off the median of its kind and its robust z-score beyond both 3.5 and sqrt(2 ln N), what N
 * values without any move stay below (Donoho & Johnstone 1994, Ideal spatial adaptation by wavelet
 * shrinkage, Biometrika 81:425-455); of fewer than 8 servers when it is off by a tenth.
 */
int compare_runs(const struct cohort *before, const struct cohort *after, double percent,
                 struct comparison *ret, struct error *err) must_use;
void comparison_done(struct comparison *c);

/* Passed in the earlier run and failed or erred in the later one; and the other way round. */
bool compare_newly_failing(const struct cohort *before, const struct cohort *after,
                           const struct compare_server *s);
bool compare_newly_passing(const struct cohort *before, const struct cohort *after,
                           const struct compare_server *s);

/* Whether anything is worse: a metric, or a server that is newly failing. */
bool compare_worse(const struct comparison *c, const struct cohort *before,
                   const struct cohort *after);
