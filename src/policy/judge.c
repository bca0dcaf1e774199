/* judge: see judge.h. */
#include "policy/judge.h"

#include "base/str.h"
#include "model/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT 32

/* Three significant digits, and never an exponent for what people can read without one. */
static void format_number(double x, int digits, char out[NUMBER_TEXT]) {
    if (fabs(x) >= 1000 && fabs(x) < 1e15)
        snprintf(out, NUMBER_TEXT, "%.0f", x);
    else
        snprintf(out, NUMBER_TEXT, "%.*g", digits, x);
}

/* As many digits as tell the two apart: `scored 50, below 50` helps nobody. */
static void format_score(const struct benchmark_result *r, char score[NUMBER_TEXT],
                         char threshold[NUMBER_TEXT]) {
    format_number(r->threshold, 6, threshold);
    for (int digits = 3; digits <= 17; digits++) {
        format_number(r->score, digits, score);
        if (strcmp(score, threshold) != 0)
            break;
    }
}

static char *below_threshold(const struct benchmark_result *r) {
    char score[NUMBER_TEXT], threshold[NUMBER_TEXT];
    format_score(r, score, threshold);
    struct str text = {0};
    str_addf(&text, "%s scored %s, below %s", r->benchmark, score, threshold);
    if (r->conditions)
        str_addf(&text, " (%s)", r->conditions);
    return str_take(&text);
}

/* What is set, or what is known of such devices, or NAN. */
static double reference_of(const struct benchmark_plan *plan, int units, const char *class,
                           const struct benchmark_result *r) {
    if (!isnan(plan->reference) || !plan->references || !r->metric)
        return plan->reference;
    const struct reference *known =
        references_find(plan->references, r->benchmark, r->metric, class);
    if (!known || (known->per_unit && units == 0))
        return NAN;
    return known->value * (known->per_unit ? units : 1);
}

static double score_of(const struct benchmark_result *r, double value) {
    if (isnan(r->reference))
        return value;
    return r->lower_is_better ? 100 * r->reference / value : 100 * value / r->reference;
}

int judge_benchmark(const struct benchmark_plan *plan, int units, const char *class,
                    struct benchmark_result *r, struct error *err) {
    r->value = stats_median(r->trials, r->trial_count);
    r->spread = stats_spread(r->trials, r->trial_count);
    r->threshold = plan->threshold;
    r->reference = reference_of(plan, units, class, r);
    r->score = score_of(r, r->value);
    if (!isfinite(r->score)) {
        r->score = NAN;
        struct error why;
        error_set(&why, ERROR_BAD_OUTPUT, "%s measured %g %s, which cannot be scored", r->benchmark,
                  r->value, r->unit ? r->unit : "");
        judge_error(&why, r);
        return 0;
    }
    if (r->score >= r->threshold) {
        r->verdict = VERDICT_PASSED;
        r->reason = REASON_NONE;
        return 0;
    }
    r->verdict = VERDICT_FAILED;
    r->reason = REASON_BELOW_THRESHOLD;
    r->detail = below_threshold(r);
    return r->detail ? 0 : error_memory(err);
}

bool judge_near_miss(const struct benchmark_result *r) {
    if (r->reason != REASON_BELOW_THRESHOLD || isnan(r->spread) || r->spread == 0)
        return false;
    bool less = r->lower_is_better && !isnan(r->reference);
    double best = less ? r->value - r->spread : r->value + r->spread;
    return (less && best <= 0) || score_of(r, best) >= r->threshold;
}

/* Replaces the sentence; without memory for another one it stays. */
static void say(struct benchmark_result *r, struct str *text) {
    char *detail = str_take(text);
    if (!detail)
        return;
    free(r->detail);
    r->detail = detail;
}

int judge_again(struct benchmark_result *r, struct benchmark_result *again, struct error *err) {
    size_t n = r->trial_count + again->trial_count;
    double *trials = malloc(n * sizeof(*trials));
    if (!trials)
        return error_memory(err);
    memcpy(trials, r->trials, r->trial_count * sizeof(*trials));
    memcpy(trials + r->trial_count, again->trials, again->trial_count * sizeof(*trials));
    free(again->trials);
    again->trials = trials;
    again->trial_count = n;
    again->seconds += r->seconds;
    again->flaky = again->verdict == VERDICT_PASSED;
    struct str text = {0};
    char first[NUMBER_TEXT], score[NUMBER_TEXT], threshold[NUMBER_TEXT];
    format_number(again->score, 3, score);
    format_score(r, first, threshold);
    if (again->flaky)
        str_addf(&text, "%s scored %s when measured again; at first %s, below %s", r->benchmark,
                 score, first, threshold);
    else
        str_addf(&text, "%s; at first %s", again->detail, first);
    say(again, &text);
    benchmark_result_done(r);
    *r = *again;
    *again = (struct benchmark_result){0};
    return 0;
}

void judge_stands(const char *why, struct benchmark_result *r) {
    struct str text = {0};
    str_addf(&text, "%s; it could not be measured again: %s", r->detail, why);
    say(r, &text);
}

void judge_error(const struct error *why, struct benchmark_result *r) {
    r->reason = reason_of(why->kind);
    r->verdict = reason_verdict(r->reason);
    free(r->detail);
    r->detail = strdup(why->text);
}

void judge_skipped(const char *why, struct benchmark_result *r) {
    r->reason = REASON_UNSUPPORTED;
    r->verdict = VERDICT_SKIPPED;
    free(r->detail);
    r->detail = strdup(why);
}

void judge_server(const struct error *why, struct server_result *r) {
    enum reason first = why ? reason_of(why->kind) : REASON_NONE;
    const char *sentence = why ? why->text : NULL;
    /* what it would have come to is not known before all of it was run */
    size_t judged = first == REASON_INTERRUPTED ? 0 : r->benchmark_count;
    for (size_t i = 0; i < judged; i++) {
        const struct benchmark_result *b = &r->benchmarks[i];
        if (b->reason == REASON_NONE || b->verdict == VERDICT_SKIPPED)
            continue;
        if (first == REASON_NONE || b->reason < first) {
            first = b->reason;
            sentence = b->detail;
        }
    }
    r->reason = first;
    r->verdict = reason_verdict(first);
    free(r->detail);
    r->detail = sentence ? strdup(sentence) : NULL;
}
