/* drift: see drift.h. Pure; any thread. */
#include "policy/drift.h"

#include "base/clock.h"
#include "model/shift.h"

#include <math.h>
#include <stdio.h>

#define LEVELS 64 /* a longer series keeps its latest */

/* A level in the middle hides the steps on both its sides from a test of the whole. */
#define CANDIDATE_P 0.05

/* Where a series leaves one level for the next. */
struct cut {
    size_t first; /* value of the next */
    double p;
};

struct cuts {
    struct cut items[LEVELS];
    size_t count;
};

/* Finds where values[from..to) may be cut, the latest first. */
static void segment(const double *values, size_t from, size_t to, struct cuts *ret) {
    struct shift_step step;
    if (ret->count == LEVELS || !shift_step(values + from, to - from, DRIFT_LEAST, &step) ||
        !(step.p <= CANDIDATE_P))
        return;
    size_t at = from + step.first;
    segment(values, at, to, ret);
    if (ret->count < LEVELS)
        ret->items[ret->count++] = (struct cut){at, step.p};
    segment(values, from, at, ret);
}

/* Keeps the cuts that the levels on both sides, by themselves, show as well. */
static void confirm(const double *values, size_t n, struct cuts *c) {
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        size_t from = i + 1 < c->count ? c->items[i + 1].first : 0;
        size_t to = kept > 0 ? c->items[kept - 1].first : n;
        struct shift_step step;
        if (shift_step(values + from, to - from, DRIFT_LEAST, &step) && step.p <= DRIFT_P)
            c->items[kept++] = (struct cut){from + step.first, step.p};
    }
    c->count = kept;
}

/* How much `now` is worse than `before`, in percent of it; NAN where that means nothing. */
static double percent_worse(double now, double before, bool lower_is_better) {
    double change = 100 * (now / before - 1);
    return before > 0 && now >= 0 ? (lower_is_better ? change : -change) : NAN;
}

bool drift_find(const double *values, size_t n, bool lower_is_better, struct drift *ret) {
    struct cuts cuts = {.count = 0};
    if (n < 2 * DRIFT_LEAST)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    segment(values, 0, n, &cuts);
    confirm(values, n, &cuts);
    if (cuts.count == 0)
        return false;
    double now = stats_median(values + cuts.items[0].first, n - cuts.items[0].first);
    for (size_t i = 0; i < cuts.count; i++) {
        size_t end = cuts.items[i].first, start = i + 1 < cuts.count ? cuts.items[i + 1].first : 0;
        double before = stats_median(values + start, end - start);
        double worse = percent_worse(now, before, lower_is_better);
        if (!(worse >= DRIFT_PERCENT))
            continue;
        *ret = (struct drift){end, before, now, .percent = -worse, .p = cuts.items[i].p};
        return true;
    }
    return false;
}

void drift_day(const struct history_series *series, const struct drift *d,
               char out[DRIFT_DAY_SIZE]) {
    char local[20];
    clock_format_local(series->started[d->first], local);
    snprintf(out, DRIFT_DAY_SIZE, "%.10s", local);
}

void drift_add(struct str *out, double percent, const char *day) {
    str_addf(out, "%.*f %% since %s", percent > -9.95 ? 1 : 0, percent, day);
}
