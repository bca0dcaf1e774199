/*
 * past: see past.h.
 *
 * The store hands over one metric after another, of each all servers. What has drifted of a metric
 * is kept until its last server came, because only then it is known how many have.
 */
#include "fleet/past.h"

#include "base/vec.h"
#include "policy/drift.h"
#include "store/history.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SERIES_MIN (2 * DRIFT_LEAST) /* a level before, and one after */

/* One server that has drifted, of the metric at hand. */
struct drifted {
    size_t row;
    struct drift drift;
    char since[DRIFT_DAY_SIZE];
};

struct past {
    const struct cohort *cohort;
    struct findings *found;
    const struct cohort_metric
        *metric; /* the one at hand; NULL: none yet, or none of the cohort's */
    struct drifted *items;
    size_t count, cap;
    size_t servers; /* that have a past of this metric */
};

static bool same(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool is_of(const struct cohort_metric *m, const struct history_series *s) {
    return m && same(m->metric, s->metric) && same(m->benchmark, s->benchmark) &&
           same(m->unit, s->unit) && m->lower_is_better == s->lower_is_better;
}

static const struct cohort_metric *find_metric(const struct cohort *c,
                                               const struct history_series *series) {
    for (size_t i = 0; i < c->metric_count; i++)
        if (is_of(&c->metrics[i], series))
            return &c->metrics[i];
    return NULL;
}

static int add_finding(struct past *p, const struct drifted *d, struct error *err) {
    struct finding f = {.what = FINDING_DRIFT,
                        .row = d->row,
                        .benchmark = p->metric->benchmark,
                        .metric = p->metric->metric,
                        .unit = p->metric->unit,
                        .value = d->drift.after,
                        .expected = d->drift.before,
                        .percent = d->drift.percent,
                        .z = NAN};
    struct str detail = {0};
    snprintf(f.since, sizeof(f.since), "%s", d->since);
    str_addf(&detail, "%s ", f.benchmark);
    drift_add(&detail, d->drift.percent, d->since);
    f.detail = str_take(&detail);
    return f.detail ? findings_add(p->found, &f, err) : error_memory(err);
}

static int compare_percent(const void *a, const void *b) {
    const struct drifted *x = a, *y = b;
    return x->drift.percent < y->drift.percent ? -1 : x->drift.percent > y->drift.percent;
}

/* `memory triad: 61 of 64 servers are slower than themselves, the middle one -12 % since ...` */
static int add_note(struct past *p, struct error *err) {
    struct str note = {0};
    qsort(p->items, p->count, sizeof(*p->items), compare_percent);
    const struct drifted *middle = &p->items[p->count / 2];
    str_addf(&note, "%s %s: %zu of %zu servers are slower than themselves, the middle one ",
             p->metric->benchmark, p->metric->metric, p->count, p->servers);
    drift_add(&note, middle->drift.percent, middle->since);
    return findings_note(p->found, str_take(&note), err);
}

/* Settles the metric at hand. */
static int settle(struct past *p, struct error *err) {
    int rc = 0;
    if (p->servers >= PAST_MANY && 2 * p->count > p->servers)
        rc = add_note(p, err);
    else
        for (size_t i = 0; rc == 0 && i < p->count; i++)
            rc = add_finding(p, &p->items[i], err);
    p->count = p->servers = 0;
    return rc;
}

static int see(void *arg, size_t position, const struct history_series *series, struct error *err) {
    struct past *p = arg;
    if (!is_of(p->metric, series)) {
        if (settle(p, err) < 0)
            return -1;
        p->metric = find_metric(p->cohort, series);
    }
    if (!p->metric || position >= p->cohort->server_count || series->count < SERIES_MIN)
        return 0;
    struct drifted d = {.row = position};
    p->servers++;
    if (!drift_find(series->values, series->count, series->lower_is_better, &d.drift))
        return 0;
    drift_day(series, &d.drift, d.since);
    if (vec_reserve(&p->items, &p->cap, p->count + 1, sizeof(*p->items)) < 0)
        return error_memory(err);
    p->items[p->count++] = d;
    return 0;
}

int past_judge(struct store *store, const char *run_id, const struct cohort *cohort,
               struct findings *found, struct error *err) {
    struct past p = {.cohort = cohort, .found = found};
    int rc = store_series(store, run_id, SERIES_MIN, see, &p, err);
    if (rc == 0)
        rc = settle(&p, err);
    free(p.items);
    return rc;
}
