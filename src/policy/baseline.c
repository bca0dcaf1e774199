/* baseline: see baseline.h. */
#include "policy/baseline.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/stats.h"
#include "policy/peers.h"

#include <math.h>
#include <string.h>

void baseline_remarks_done(struct baseline_remarks *r) {
    for (size_t i = 0; i < r->group_count; i++)
        free(r->groups[i].kind);
    free(r->groups);
    free(r->gaps);
    *r = (struct baseline_remarks){0};
}

/* What one call of baseline_learn() works with. */
struct learner {
    const struct cohort *cohort;
    struct cohort_kinds kinds, by_disk;
    size_t min;
    const char *run;
    int64_t taken;
    double *values;  /* room for one of each server */
    size_t *scratch; /* of peers_split(): twice that room */
    struct baselines learned;
    struct baseline_remarks remarks;
};

static void learner_done(struct learner *l) {
    cohort_kinds_done(&l->kinds);
    cohort_kinds_done(&l->by_disk);
    free(l->values);
    free(l->scratch);
    baselines_done(&l->learned);
    baseline_remarks_done(&l->remarks);
}

static bool has_passed(const struct cohort *c, size_t row) {
    return c->servers[row].verdict == VERDICT_PASSED;
}

static bool is_known(const struct cohort_kind *k) {
    return strcmp(k->kind, COHORT_UNKNOWN) != 0;
}

static size_t count_passed(const struct cohort *c, const struct cohort_kind *k) {
    size_t n = 0;
    for (size_t i = 0; i < k->count; i++)
        n += has_passed(c, k->rows[i]);
    return n;
}

/* The values of those that passed, into l->values. */
static size_t collect(struct learner *l, const struct cohort_kind *k,
                      const struct cohort_metric *m) {
    size_t n = 0;
    for (size_t i = 0; i < k->count; i++)
        if (has_passed(l->cohort, k->rows[i]) && isfinite(m->values[k->rows[i]]))
            l->values[n++] = m->values[k->rows[i]];
    return n;
}

static size_t drop_outliers(double *values, size_t n, const struct stats_centre *centre) {
    double least = BASELINE_DIFFERENCE * fabs(centre->median);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs(stats_robust_z(values[i], centre)) <= BASELINE_Z ||
            fabs(values[i] - centre->median) < least)
            values[kept++] = values[i];
    return kept;
}

/* The same metric in another unit may have been there before: what more servers have, stands. */
static int keep(struct learner *l, const struct baseline *b, struct error *err) {
    const struct baseline *other =
        baselines_find(&l->learned, b->kind, NULL, b->benchmark, b->metric);
    return other && other->count >= b->count ? 0 : baselines_put(&l->learned, b, err);
}

/* Remarks that the values, which get sorted, are in two groups, if they are. */
static int remark_groups(struct learner *l, const struct cohort_kind *k,
                         const struct cohort_metric *m, size_t n, struct error *err) {
    struct baseline_remarks *r = &l->remarks;
    struct modes_split split;
    stats_sort(l->values, n);
    if (!peers_split(l->values, n, l->scratch, &split))
        return 0;
    if (vec_reserve(&r->groups, &r->group_cap, r->group_count + 1, sizeof(*r->groups)) < 0)
        return error_memory(err);
    struct baseline_groups g = {.kind = baseline_kind(k->kind, k->disk),
                                .benchmark = m->benchmark,
                                .metric = m->metric,
                                .unit = m->unit,
                                .lower = split.first,
                                .upper = n - split.first,
                                .lower_median = split.lower.median,
                                .upper_median = split.upper.median};
    if (!g.kind)
        return error_memory(err);
    r->groups[r->group_count++] = g;
    return 0;
}

static int learn_metric(struct learner *l, const struct cohort_kind *k,
                        const struct cohort_metric *m, struct error *err) {
    size_t n = collect(l, k, m);
    if (n < l->min || n == 0)
        return 0;
    if (remark_groups(l, k, m, n, err) < 0)
        return -1;
    struct stats_centre centre = stats_centre(l->values, n);
    if (isnan(centre.median))
        return error_memory(err);
    n = drop_outliers(l->values, n, &centre);
    centre = stats_centre(l->values, n);
    if (isnan(centre.median))
        return error_memory(err);
    cleanup(free_ptr) char *kind = baseline_kind(k->kind, k->disk);
    if (!kind)
        return error_memory(err);
    struct baseline b = {.kind = kind,
                         .benchmark = m->benchmark,
                         .metric = m->metric,
                         .unit = m->unit ? m->unit : (char *)"",
                         .lower_is_better = m->lower_is_better,
                         .median = centre.median,
                         .scale = centre.scale,
                         .count = (int)n,
                         .run = (char *)l->run,
                         .taken = l->taken};
    return keep(l, &b, err);
}

static int learn_kinds(struct learner *l, const struct cohort_kinds *kinds, bool by_disk,
                       struct error *err) {
    for (size_t i = 0; i < kinds->count; i++) {
        const struct cohort_kind *k = &kinds->items[i];
        for (size_t j = 0; is_known(k) && j < l->cohort->metric_count; j++) {
            const struct cohort_metric *m = &l->cohort->metrics[j];
            if (cohort_by_disk(m) == by_disk && learn_metric(l, k, m, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int find_gaps(struct learner *l, struct error *err) {
    struct baseline_remarks *r = &l->remarks;
    for (size_t i = 0; i < l->kinds.count; i++) {
        const struct cohort_kind *k = &l->kinds.items[i];
        size_t passed = count_passed(l->cohort, k);
        if (passed == 0 || (passed >= l->min && is_known(k)))
            continue;
        if (vec_reserve(&r->gaps, &r->gap_cap, r->gap_count + 1, sizeof(*r->gaps)) < 0)
            return error_memory(err);
        r->gaps[r->gap_count++] = (struct baseline_gap){k->kind, passed};
    }
    return 0;
}

int baseline_learn(const struct cohort *c, size_t min, const char *run, int64_t taken,
                   struct baselines *ret, struct baseline_remarks *remarks, struct error *err) {
    cleanup(learner_done) struct learner l = {.cohort = c, .min = min, .run = run, .taken = taken};
    l.values = malloc((c->server_count + 1) * sizeof(*l.values));
    l.scratch = malloc(2 * (c->server_count + 1) * sizeof(*l.scratch));
    if (!l.values || !l.scratch)
        return error_memory(err);
    if (cohort_kinds(c, false, &l.kinds, err) < 0 || cohort_kinds(c, true, &l.by_disk, err) < 0 ||
        learn_kinds(&l, &l.kinds, false, err) < 0 || learn_kinds(&l, &l.by_disk, true, err) < 0 ||
        find_gaps(&l, err) < 0)
        return -1;
    *ret = l.learned;
    l.learned = (struct baselines){0};
    *remarks = l.remarks;
    l.remarks = (struct baseline_remarks){0};
    return 0;
}
