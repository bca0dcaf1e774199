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
#include "model/result.h"
#include "policy/plan.h"

/*
 * Judges a benchmark whose trials were measured: fills value, spread, score, reference, threshold,
 * verdict, reason, flaky and detail from trials, trial_count, and for a reference that muster knows
 * (input/references.h) `units` and `class`: see wire/wire.h. May be called again when there are
 * more trials. Fails with ERROR_INTERNAL.
 */
int judge_benchmark(const struct benchmark_plan *plan, int units, const char *class,
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
 * the server's. One that was interrupted is cancelled whatever its benchmarks were: it is run again
 * by a resume.
 */
void judge_server(const struct error *why, struct server_result *r);
