/* judge: see judge.h. */
#include "policy/judge.h"

#include "base/str.h"
#include "model/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT 32
#define CONFIDENCE 0.95 /* that the interval of a median holds it */

/* Three significant digits, and never an exponent for what people can read without one. */
static void format_number(double x, int digits, char out[NUMBER_TEXT]) {
    if (fabs(x) >= 1000 && fabs(x) < 1e15)
        snprintf(out, NUMBER_TEXT, "%.0f", x);
    else
        snprintf(out, NUMBER_TEXT, "%.*g", digits, x);
}

/* As many digits as tell it from the threshold: `scored 50, below 50` helps nobody. */
static void format_score(double score, double threshold, char out[NUMBER_TEXT]) {
    char other[NUMBER_TEXT];
    format_number(threshold, 6, other);
    for (int digits = 3; digits <= 17; digits++) {
        format_number(score, digits, out);
        if (score == threshold || strcmp(out, other) != 0)
            break;
    }
}

/* What is known of such devices, or NAN. */
static double builtin_reference(const struct benchmark_plan *plan, const struct judged_on *on,
                                const struct benchmark_result *r) {
    const struct reference *known =
        plan->references && r->metric
            ? references_find(plan->references, r->benchmark, r->metric, on->class)
            : NULL;
    if (!known || (known->per_unit && on->units == 0))
        return NAN;
    return known->value * (known->per_unit ? on->units : 1);
}

static const struct baseline *baseline_of(const struct judged_on *on,
                                          const struct benchmark_result *r) {
    bool by_disk = strcmp(r->benchmark, "disk") == 0;
    return on->baselines && on->kind && r->metric
               ? baselines_find(on->baselines, on->kind, by_disk ? on->disk : NULL, r->benchmark,
                                r->metric)
               : NULL;
}

/* Appends why the baseline cannot be the reference; nothing where it can. */
static void add_misfit(struct str *text, const struct baseline *b,
                       const struct benchmark_plan *plan, const struct benchmark_result *r) {
    const char *unit = r->unit ? r->unit : "";
    if (strcmp(b->unit, unit) != 0)
        str_addf(text, "the baseline is in '%s', not '%s'", b->unit, unit);
    else if (b->lower_is_better != r->lower_is_better)
        str_addf(text, "in the baseline %s is better", b->lower_is_better ? "lower" : "higher");
    else if (b->median <= 0)
        str_addf(text, "the baseline is %g", b->median);
    else if (plan->threshold > 100)
        str_add(text, "a threshold above 100 is not one of a baseline");
}

/* Fills in the reference, and in which words it came. */
static int find_reference(const struct benchmark_plan *plan, const struct judged_on *on,
                          struct benchmark_result *r, struct error *err) {
    const struct baseline *b = baseline_of(on, r);
    cleanup(str_done) struct str misfit = {0};
    struct str source = {0};
    if (b)
        add_misfit(&misfit, b, plan, r);
    if (!isnan(plan->reference)) {
        r->reference = plan->reference;
        str_add(&source, "configuration");
    } else if (b && misfit.len == 0) {
        r->reference = b->median;
        str_addf(&source, "baseline%s%s", b->run ? " " : "", b->run ? b->run : "");
    } else {
        r->reference = builtin_reference(plan, on, r);
        if (b || !isnan(r->reference))
            str_add(&source, isnan(r->reference) ? "none" : "built-in");
        if (b)
            str_addf(&source, "; %s", misfit.data ? misfit.data : "");
    }
    bool any = source.len > 0, failed = source.failed || misfit.failed;
    free(r->reference_source);
    r->reference_source = any ? str_take(&source) : NULL;
    str_done(&source);
    return failed || (any && !r->reference_source) ? error_memory(err) : 0;
}

static double score_of(const struct benchmark_result *r, double value) {
    if (isnan(r->reference))
        return value;
    return r->lower_is_better ? 100 * r->reference / value : 100 * value / r->reference;
}

/*
 * Between which scores the trials leave the median: an interval that holds it with 95 % confidence,
 * or all that they measured where there are too few for that. False where that is no interval: of
 * one trial, and around nothing where less is better.
 */
static bool interval_of(const struct benchmark_result *r, double *worst, double *best) {
    struct stats_interval values;
    bool less = r->lower_is_better && !isnan(r->reference);
    if (r->trial_count < 2 || (less && r->value <= 0))
        return false;
    if (!stats_median_interval(r->trials, r->trial_count, CONFIDENCE, &values)) {
        values.low = values.high = r->trials[0];
        for (size_t i = 1; i < r->trial_count; i++) {
            values.low = fmin(values.low, r->trials[i]);
            values.high = fmax(values.high, r->trials[i]);
        }
    }
    *worst = score_of(r, less ? values.high : values.low);
    /* less than nothing is as good as it gets */
    *best = less && values.low <= 0 ? INFINITY : score_of(r, less ? values.low : values.high);
    return true;
}

bool judge_is_close(const struct benchmark_result *r) {
    double worst, best;
    return isfinite(r->score) && interval_of(r, &worst, &best) && worst < r->threshold &&
           best >= r->threshold;
}

static void add_noise(const struct benchmark_result *r, struct str *text) {
    char low[NUMBER_TEXT], high[NUMBER_TEXT];
    double worst, best;
    if (!interval_of(r, &worst, &best))
        return;
    format_score(worst, r->threshold, low);
    format_score(best, r->threshold, high);
    str_addf(text, "; noise could turn that: %zu trials put it between %s and %s", r->trial_count,
             low, high);
}

/* Whether the trials that there are in any case would have failed it. */
static bool missed_at_first(const struct benchmark_plan *plan, const struct benchmark_result *r) {
    size_t n = (size_t)plan->trials;
    return r->trial_count > n && score_of(r, stats_median(r->trials, n)) < r->threshold;
}

/* `cpu scored 41, below 50 (busy 30 %)`, and how sure that is where it is not. */
static char *sentence(const struct benchmark_plan *plan, const struct benchmark_result *r,
                      bool close) {
    char score[NUMBER_TEXT], threshold[NUMBER_TEXT];
    struct str text = {0};
    format_number(r->threshold, 6, threshold);
    format_score(r->score, r->threshold, score);
    str_addf(&text, "%s scored %s, %s %s", r->benchmark, score,
             r->verdict == VERDICT_PASSED ? "not below" : "below", threshold);
    if (r->conditions)
        str_addf(&text, " (%s)", r->conditions);
    if (close)
        add_noise(r, &text);
    else if (r->flaky)
        str_addf(&text, "; its first %d trials were", plan->trials);
    return str_take(&text);
}

int judge_benchmark(const struct benchmark_plan *plan, const struct judged_on *on,
                    struct benchmark_result *r, struct error *err) {
    r->value = stats_median(r->trials, r->trial_count);
    r->spread = stats_spread(r->trials, r->trial_count);
    r->threshold = plan->threshold;
    if (find_reference(plan, on, r, err) < 0)
        return -1;
    r->score = score_of(r, r->value);
    if (!isfinite(r->score)) {
        struct error why;
        error_set(&why, ERROR_BAD_OUTPUT, "%s measured %g %s, which cannot be scored", r->benchmark,
                  r->value, r->unit ? r->unit : "");
        judge_error(&why, r);
        return 0;
    }
    bool passed = r->score >= r->threshold, close = judge_is_close(r);
    r->verdict = passed ? VERDICT_PASSED : VERDICT_FAILED;
    r->reason = passed ? REASON_NONE : REASON_BELOW_THRESHOLD;
    r->flaky = passed && (close || missed_at_first(plan, r));
    bool silent = passed && !r->flaky;
    free(r->detail);
    r->detail = silent ? NULL : sentence(plan, r, close);
    return r->detail || silent ? 0 : error_memory(err);
}

void judge_stands(const char *why, struct benchmark_result *r) {
    struct str text = {0};
    str_addf(&text, "%s; no more trials: %s", r->detail ? r->detail : r->benchmark, why);
    char *detail = str_take(&text);
    if (!detail) /* the sentence is good without it */
        return;
    free(r->detail);
    r->detail = detail;
}

void judge_error(const struct error *why, struct benchmark_result *r) {
    r->reason = reason_of(why->kind);
    r->verdict = reason_verdict(r->reason);
    r->flaky = false;
    r->score = NAN;
    free(r->detail);
    r->detail = strdup(why->text);
}

void judge_skipped(const char *why, struct benchmark_result *r) {
    r->reason = REASON_UNSUPPORTED;
    r->verdict = VERDICT_SKIPPED;
    free(r->detail);
    r->detail = strdup(why);
}

static bool counts_against(const struct benchmark_result *b) {
    return b->reason != REASON_NONE && b->verdict != VERDICT_SKIPPED;
}

/*
 * The sentence, and the names of the other benchmarks that did not pass: `cpu scored 34, below 50;
 * also not passed: gpu, disk (timeout)`. An error that ended the server is told of the benchmark
 * that it hit, too.
 */
static char *sentence_of_server(const char *sentence, enum reason reason, const char *told,
                                const struct server_result *r) {
    struct str text = {0};
    size_t n = 0;
    str_add(&text, sentence);
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const struct benchmark_result *b = &r->benchmarks[i];
        if (!counts_against(b) || (told ? b->benchmark == told : b->reason == reason))
            continue;
        str_addf(&text, "%s%s", n++ ? ", " : "; also not passed: ", b->benchmark);
        if (b->reason != reason)
            str_addf(&text, " (%s)", reason_name(b->reason));
    }
    return str_take(&text);
}

void judge_server(const struct error *why, struct server_result *r) {
    enum reason first = why ? reason_of(why->kind) : REASON_NONE;
    const char *sentence = why ? why->text : NULL, *told = NULL;
    /* what it would have come to is not known before all of it was run */
    bool judged = first != REASON_INTERRUPTED;
    for (size_t i = 0; judged && i < r->benchmark_count; i++) {
        const struct benchmark_result *b = &r->benchmarks[i];
        if (counts_against(b) && (first == REASON_NONE || b->reason < first)) {
            first = b->reason;
            sentence = b->detail;
            told = b->benchmark;
        }
    }
    r->reason = first;
    r->verdict = reason_verdict(first);
    free(r->detail);
    r->detail = !sentence ? NULL
                : judged  ? sentence_of_server(sentence, first, told, r)
                          : strdup(sentence);
}
