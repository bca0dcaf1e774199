/*
 * judge: from what was measured to a verdict.
 *
 * score = 100 x value / reference, or 100 x reference / value where lower is better; without a
 * reference the value itself is the score. The value is the median of the trials. A score below the
 * threshold fails the benchmark. Where the median is not known well enough to tell on which side of
 * the threshold it is, the verdict is close: more trials may be asked for, and when there are no
 * more to be had, it says so. Pure functions; they allocate the sentences that they write.
 */
#pragma once

#include "base/error.h"
#include "model/baseline.h"
#include "model/result.h"
#include "policy/plan.h"

/* What was measured, and what is known of its like. All texts may be NULL. */
struct judged_on {
    const char *kind;  /* of the server */
    const char *disk;  /* of the server: benchmarks of disks tell kinds apart by it */
    const char *class; /* of the device, and how many of its units there were: see wire/wire.h */
    int units;
    const struct baselines *baselines; /* NULL: there are none */
};

/*
 * Judges a benchmark whose trials were measured: fills value, spread, score, reference and its
 * source, threshold, verdict, reason, flaky and detail from trials and trial_count. May be called
 * again when there are more trials. Fails with ERROR_INTERNAL.
 *
 * The reference is the first of these that there is: what the configuration gives, the median of
 * the baseline of the server's kind, what muster knows of such devices (input/references.h). A
 * baseline is passed over, and the source says why, when its unit or direction is not that of the
 * metric, when it is not above 0, or when the threshold is above 100: that is a threshold of the
 * value itself, because half of a kind's servers are below their median.
 */
int judge_benchmark(const struct benchmark_plan *plan, const struct judged_on *on,
                    struct benchmark_result *r, struct error *err) must_use;

/*
 * Whether noise could turn the verdict on a benchmark that was judged: the threshold is within the
 * 95 % confidence interval of the median, or, with fewer trials than that takes (6), between the
 * worst and the best of them. One trial tells nothing of its noise: it is never close.
 */
bool judge_is_close(const struct benchmark_result *r);

/* A close verdict for which no more trials could be had stands; the sentence says why. */
void judge_stands(const char *why, struct benchmark_result *r);

/*
 * Judges a benchmark that ended in an error: sets verdict, reason and detail. A server that cannot
 * be given its sentence for want of memory still gets its reason.
 */
void judge_error(const struct error *why, struct benchmark_result *r);

/* A benchmark that has nothing to measure: skipped, as unsupported. */
void judge_skipped(const char *why, struct benchmark_result *r);

/*
 * Judges a server by its benchmarks and, when `why` is not NULL, by the error that ended it early:
 * among all of them the first reason in the order of enum reason decides, and its sentence becomes
 * the server's, with the names of what else did not pass. One that was interrupted is cancelled
 * whatever its benchmarks were: it is run again by a resume.
 */
void judge_server(const struct error *why, struct server_result *r);
