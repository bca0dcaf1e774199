/*
 * past: see past.h.
 *
 * What has drifted of a metric is kept until the last server came, because only then it is known
 * how many have.
 */
#include "fleet/past.h"

#include "base/vec.h"
#include "policy/drift.h"
#include "store/history.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SERIES_MIN (2 * DRIFT_LEAST) /* a level before, and one after */

/* One server that has drifted in a metric. */
struct drifted {
    size_t row;
    struct drift drift;
    char since[DRIFT_DAY_SIZE];
};

/* What has become of one of the cohort's metrics. */
struct metric_past {
    struct drifted *items;
    size_t count, cap;
    size_t servers; /* that have a past of it */
};

struct past {
    const struct cohort *cohort;
    struct findings *found;
    struct metric_past *metrics; /* the cohort's */
    size_t at; /* the one of the last series; the cohort's count: it has none like that */
};

static bool same(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool is_of(const struct past *p, size_t at, const struct history_series *s) {
    if (at >= p->cohort->metric_count)
        return false;
    const struct cohort_metric *m = &p->cohort->metrics[at];
    return same(m->metric, s->metric) && same(m->benchmark, s->benchmark) &&
           same(m->unit, s->unit) && m->lower_is_better == s->lower_is_better;
}

/* Turns to the metric that the series is of. */
static struct metric_past *turn_to(struct past *p, const struct history_series *series) {
    if (!is_of(p, p->at, series))
        for (p->at = 0; p->at < p->cohort->metric_count && !is_of(p, p->at, series);)
            p->at++;
    return p->at < p->cohort->metric_count ? &p->metrics[p->at] : NULL;
}

static int add_finding(struct findings *found, const struct cohort_metric *m,
                       const struct drifted *d, struct error *err) {
    struct finding f = {.what = FINDING_DRIFT,
                        .row = d->row,
                        .benchmark = m->benchmark,
                        .metric = m->metric,
                        .unit = m->unit,
                        .value = d->drift.after,
                        .expected = d->drift.before,
                        .percent = d->drift.percent,
                        .z = NAN};
    struct str detail = {0};
    snprintf(f.since, sizeof(f.since), "%s", d->since);
    str_addf(&detail, "%s ", f.benchmark);
    drift_add(&detail, d->drift.percent, d->since);
    f.detail = str_take(&detail);
    return f.detail ? findings_add(found, &f, err) : error_memory(err);
}

static int compare_percent(const void *a, const void *b) {
    const struct drifted *x = a, *y = b;
    return x->drift.percent < y->drift.percent ? -1 : x->drift.percent > y->drift.percent;
}

/* `memory triad: 61 of 64 servers are slower than themselves, the middle one -12 % since ...` */
static int add_note(struct findings *found, const struct cohort_metric *m, struct metric_past *p,
                    struct error *err) {
    struct str note = {0};
    qsort(p->items, p->count, sizeof(*p->items), compare_percent);
    const struct drifted *middle = &p->items[p->count / 2];
    str_addf(&note, "%s %s: %zu of %zu servers are slower than themselves, the middle one ",
             m->benchmark, m->metric, p->count, p->servers);
    drift_add(&note, middle->drift.percent, middle->since);
    return findings_note(found, str_take(&note), err);
}

static int settle(struct findings *found, const struct cohort_metric *m, struct metric_past *p,
                  struct error *err) {
    if (p->servers >= PAST_MANY && 2 * p->count > p->servers)
        return add_note(found, m, p, err);
    for (size_t i = 0; i < p->count; i++)
        if (add_finding(found, m, &p->items[i], err) < 0)
            return -1;
    return 0;
}

static int see(void *arg, size_t position, const struct history_series *series, struct error *err) {
    struct past *p = arg;
    struct metric_past *m = turn_to(p, series);
    if (!m || position >= p->cohort->server_count || series->count < SERIES_MIN)
        return 0;
    struct drifted d = {.row = position};
    m->servers++;
    if (!drift_find(series->values, series->count, series->lower_is_better, &d.drift))
        return 0;
    drift_day(series, &d.drift, d.since);
    if (vec_reserve(&m->items, &m->cap, m->count + 1, sizeof(*m->items)) < 0)
        return error_memory(err);
    m->items[m->count++] = d;
    return 0;
}

int past_judge(struct store *store, const char *run_id, const struct cohort *cohort,
               struct findings *found, struct error *err) {
    size_t n = cohort->metric_count;
    struct past p = {.cohort = cohort, .found = found, .at = n};
    p.metrics = calloc(n + 1, sizeof(*p.metrics));
    if (!p.metrics)
        return error_memory(err);
    int rc = store_series(store, run_id, SERIES_MIN, see, &p, err);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = settle(found, &cohort->metrics[i], &p.metrics[i], err);
        free(p.metrics[i].items);
    }
    free(p.metrics);
    return rc;
}
