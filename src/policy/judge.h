/*
 * judge: from what was measured to a verdict.
 *
 * score = 100 x value / reference, or 100 x reference / value where lower is better; without a
 * reference the value itself is the score. The value is the median of the trials. A score below the
 * threshold fails the benchmark. Pure functions; they allocate the sentences that they write.
 */
#pragma once

#include "base/error.h"
#include "model/result.h"
#include "policy/plan.h"

/*
 * Judges a benchmark whose trials were measured: fills value, spread, score, reference, threshold,
 * verdict, reason and detail from trials, trial_count, and for a reference that muster knows
 * (input/references.h) `units` and `class`: see wire/wire.h. Fails with ERROR_INTERNAL.
 */
int judge_benchmark(const struct benchmark_plan *plan, int units, const char *class,
                    struct benchmark_result *r, struct error *err) must_use;

/*
 * Whether a benchmark that was judged is below its threshold by no more than its spread, so that
 * another measurement may well come out otherwise. With one trial there is no spread to tell.
 */
bool judge_near_miss(const struct benchmark_result *r);

/*
 * Makes `again`, a second measurement that was judged, the last word on `r`, a near miss: trials
 * and seconds of both are kept, all else is of the second. When that passed, the benchmark is
 * flaky. Leaves *again empty. Fails with ERROR_INTERNAL.
 */
int judge_again(struct benchmark_result *r, struct benchmark_result *again,
                struct error *err) must_use;

/* A near miss that could not be measured again stands; the sentence says why. */
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
