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
                         .lower_is_better = j->lower[metric],
                         .trials = malloc(n * sizeof(*v)),
                         .trial_count = n,
                         .spread = stats_spread(v, n)};
    if (!m->name || !m->unit || !m->trials)
        return error_memory(err);
    memcpy(m->trials, v, n * sizeof(*v));
    return 0;
}

static void judge_return_code(struct benchmark_result *b, double code) {
    struct error why;
    if (code == 0)
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

/*
 * A score where there is a reference, or the configuration wants the value itself to be one;
 * else only its peers tell whether the value is a good one.
 */
static int judge_one(struct judging *j, const struct judged *by, const char *kind,
                     struct benchmark_result *b, struct error *err) {
    const char *wanted = by->lacks                ? by->lacks
                         : by->metric != SIZE_MAX ? j->in.metrics[by->metric].metric
                                                  : NULL;
    struct judged_on on = {.kind = kind ? kind : COHORT_UNKNOWN, .baselines = &j->baselines};
    const struct metric *m = NULL;
    b->score = b->reference = b->value = b->spread = b->seconds = NAN;
    b->threshold = by->plan.threshold;
    for (size_t i = 0; wanted && i < b->metric_count && !m; i++)
        if (strcmp(b->metrics[i].name, wanted) == 0)
            m = &b->metrics[i];
    if (m && choose(b, m, err) < 0)
        return -1;
    if (b->verdict == VERDICT_ERROR)
        return 0;
    b->verdict = VERDICT_PASSED;
    if (!m && by->configured && wanted) {
        b->verdict = VERDICT_FAILED;
        b->reason = REASON_MISSING_METRIC;
        if (asprintf(&b->detail, "%.100s has no %.100s", b->benchmark, wanted) < 0) {
            b->detail = NULL;
            return error_memory(err);
        }
    } else if (m && (by->configured ||
                     baselines_find(&j->baselines, on.kind, on.disk, b->benchmark, b->metric))) {
        return judge_benchmark(&by->plan, &on, b, err);
    }
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
        struct benchmark_result *b = result_of(r, j->in.metrics[metric].benchmark);
        if (!b)
            return error_memory(err);
        if (judging_is_return_code(j->in.metrics[metric].metric))
            judge_return_code(b, j->trials[n - 1]);
        else if (add_metric(j, b, metric, j->trials, n, err) < 0)
            return -1;
    }
    return 0;
}

/* What the configuration has a threshold for is judged of every server: without it none passes. */
static int add_lacking(struct judging *j, struct server_result *r, struct error *err) {
    for (size_t i = 0; i < j->benchmarks.count; i++)
        if (j->judged[i].configured && !result_of(r, j->judged[i].name))
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
    if (add_numbers(j, from, to, r, err) < 0 || add_lacking(j, r, err) < 0)
        return -1;
    if (r->benchmark_count == 0)
        return fail_empty(r, err);
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const char *name = r->benchmarks[i].benchmark;
        size_t b = names_find(&j->benchmarks, name, strlen(name));
        if (judge_one(j, &j->judged[b], kind, &r->benchmarks[i], err) < 0)
            return -1;
    }
    judge_server(NULL, r);
    return 0;
}
