/* judgeserver: one server of `muster judge`, judged by itself. See judging.h. */
#include "base/vec.h"
#include "cli/judging.h"
#include "model/stats.h"
#include "policy/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int add_metric(struct judging *j, struct benchmark_result *b, size_t metric, const double *v,
                      size_t n, struct error *err) {
    const struct measured_metric *of = &j->in.metrics[metric];
    size_t cap = b->metric_count; /* grown one by one: they are few, and made to measure */
    if (vec_reserve(&b->metrics, &cap, cap + 1, sizeof(*b->metrics)) < 0)
        return error_memory(err);
    struct metric *m = &b->metrics[b->metric_count++];
    *m = (struct metric){.name = strdup(of->metric),
                         .unit = strdup(of->unit ? of->unit : ""),
                         .value = stats_median(v, n),
                         .lower_is_better = j->better[metric] == BETTER_LOWER,
                         .trials = malloc(n * sizeof(*v)),
                         .trial_count = n,
                         .spread = stats_spread(v, n)};
    if (!m->name || !m->unit || !m->trials)
        return error_memory(err);
    memcpy(m->trials, v, n * sizeof(*v));
    return 0;
}

/* The first one that is not 0 counts. */
static void judge_return_code(struct benchmark_result *b, const double *codes, size_t n) {
    struct error why;
    double code = 0;
    for (size_t i = 0; i < n && code == 0; i++)
        code = codes[i];
    if (code == 0 || b->verdict == VERDICT_ERROR)
        return;
    error_set(&why, ERROR_BENCHMARK_CRASHED, "%.200s ended with return code %g", b->benchmark,
              code);
    judge_error(&why, b);
}

/* Makes the metric the one that is judged. */
static int choose(struct benchmark_result *b, const struct metric *m, struct error *err) {
    b->metric = strdup(m->name);
    b->unit = strdup(m->unit);
    b->trials = malloc(m->trial_count * sizeof(*m->trials));
    if (!b->metric || !b->unit || !b->trials)
        return error_memory(err);
    memcpy(b->trials, m->trials, m->trial_count * sizeof(*m->trials));
    b->trial_count = m->trial_count;
    b->lower_is_better = m->lower_is_better;
    b->value = m->value;
    b->spread = m->spread;
    return 0;
}

/* The worst of its ranks, or the metric itself when it has none; NULL: it was not measured. */
static const struct metric *find_worst(const struct scored *scored,
                                       const struct benchmark_result *b) {
    const struct metric *worst = NULL;
    for (size_t i = 0; i < b->metric_count; i++) {
        const struct metric *m = &b->metrics[i];
        if (judging_is_scored(scored, m->name) &&
            (!worst || (m->lower_is_better ? m->value > worst->value : m->value < worst->value)))
            worst = m;
    }
    return worst;
}

/* What a benchmark is judged by on servers of a kind. */
struct limits {
    struct benchmark_plan plan;
    bool given; /* it has a threshold or a reference */
    bool named; /* or is named, at least */
};

static struct limits limits_of(const struct judging *j, size_t benchmark, const char *kind) {
    struct limits l = {.plan = plan_for_kind(&j->plan, benchmark, kind)};
    l.given = !isnan(l.plan.threshold) || !isnan(l.plan.reference);
    l.named = l.given || j->scored[benchmark].named;
    if (isnan(l.plan.threshold))
        l.plan.threshold = j->plan.threshold;
    return l;
}

static int fail_missing(struct benchmark_result *b, const struct scored *scored,
                        struct error *err) {
    b->verdict = VERDICT_FAILED;
    b->reason = REASON_MISSING_METRIC;
    if (asprintf(&b->detail, "%.100s has no %.*s", b->benchmark, (int)scored->len, scored->name) >=
        0)
        return 0;
    b->detail = NULL;
    return error_memory(err);
}

/*
 * A score where there is a reference, or the configuration wants the value itself to be one;
 * else only its peers tell whether the value is a good one. The value itself, where lower ones are
 * better, would fail the fast servers and pass the slow ones.
 */
static int judge_one(struct judging *j, size_t benchmark, const char *kind,
                     struct benchmark_result *b, struct error *err) {
    const struct scored *scored = &j->scored[benchmark];
    const struct limits l = limits_of(j, benchmark, kind);
    struct judged_on on = {.kind = kind ? kind : COHORT_UNKNOWN, .baselines = &j->baselines};
    const struct metric *m = find_worst(scored, b);
    b->score = b->reference = b->value = b->spread = b->seconds = NAN;
    b->threshold = l.plan.threshold;
    if (m && choose(b, m, err) < 0)
        return -1;
    if (b->verdict == VERDICT_ERROR)
        return 0;
    b->verdict = VERDICT_PASSED;
    if (!m)
        return l.named && scored->name ? fail_missing(b, scored, err) : 0;
    if (!baselines_find(&j->baselines, on.kind, on.disk, b->benchmark, b->metric) &&
        isnan(l.plan.reference) && m->lower_is_better)
        return l.given ? error_set(err, ERROR_USAGE,
                                   "%.200s needs a reference, because lower values of %.200s are "
                                   "better",
                                   b->benchmark, b->metric)
                       : 0;
    if (l.named || baselines_find(&j->baselines, on.kind, on.disk, b->benchmark, b->metric))
        return judge_benchmark(&l.plan, &on, b, err);
    return 0;
}

static struct benchmark_result *result_of(struct server_result *r, const char *name) {
    for (size_t i = r->benchmark_count; i-- > 0;)
        if (strcmp(r->benchmarks[i].benchmark, name) == 0)
            return &r->benchmarks[i];
    struct benchmark_result *b = &r->benchmarks[r->benchmark_count];
    *b = (struct benchmark_result){.benchmark = strdup(name)};
    r->benchmark_count += b->benchmark != NULL;
    return b->benchmark ? b : NULL;
}

static int add_numbers(struct judging *j, size_t from, size_t to, struct server_result *r,
                       struct error *err) {
    for (size_t n; from < to; from += n) {
        size_t metric = j->in.items[from].metric;
        for (n = 0; from + n < to && j->in.items[from + n].metric == metric; n++)
            j->trials[n] = j->in.items[from + n].value;
        if (j->better[metric] == BETTER_UNSAID)
            continue;
        struct benchmark_result *b = result_of(r, j->in.metrics[metric].benchmark);
        if (!b)
            return error_memory(err);
        if (judging_is_return_code(j->in.metrics[metric].metric))
            judge_return_code(b, j->trials, n);
        else if (add_metric(j, b, metric, j->trials, n, err) < 0)
            return -1;
    }
    return 0;
}

/* What the configuration has a threshold for is judged of every server: without it none passes. */
static int add_lacking(struct judging *j, const char *kind, struct server_result *r,
                       struct error *err) {
    for (size_t i = 0; i < j->benchmarks.count; i++)
        if (limits_of(j, i, kind).named && !result_of(r, j->benchmarks.items[i]))
            return error_memory(err);
    return 0;
}

/* Nothing can be said for it, and where it has too few peers, nobody else would say so. */
static int fail_empty(struct server_result *r, struct error *err) {
    r->verdict = VERDICT_FAILED;
    r->reason = REASON_MISSING_METRIC;
    r->detail = strdup("nothing of it was measured");
    return r->detail ? 0 : error_memory(err);
}

int judging_result(struct judging *j, size_t server, size_t from, size_t to,
                   struct server_result *r, struct error *err) {
    const char *kind = j->in.kinds[server];
    *r = (struct server_result){.attempts = 1, .seconds = NAN, .kind = kind ? strdup(kind) : NULL};
    r->benchmarks = calloc(j->benchmarks.count + 1, sizeof(*r->benchmarks));
    if (!r->benchmarks || (kind && !r->kind))
        return error_memory(err);
    if (add_numbers(j, from, to, r, err) < 0 || add_lacking(j, kind, r, err) < 0)
        return -1;
    if (r->benchmark_count == 0)
        return fail_empty(r, err);
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const char *name = r->benchmarks[i].benchmark;
        size_t b = names_find(&j->benchmarks, name, strlen(name));
        if (judge_one(j, b, kind, &r->benchmarks[i], err) < 0)
            return -1;
    }
    judge_server(NULL, r);
    return 0;
}
