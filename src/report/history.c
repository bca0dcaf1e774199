/*
 * history: see history.h.
 *
 *     web07, 12 runs since 2026-09-01
 *
 *     memory triad  ▇█▇▇▇▃▃▃  88.1 GB/s, slower than itself: -12 % since 2026-10-02
 *       run                      started                   value     spread  score  verdict
 *       20261122-111344-7f3a2c   2026-11-22 11:13:44        88.1       0.31     91  passed
 *
 * The values of a benchmark are those of the metric that was judged in the newest run that has one;
 * where another one was, or in another unit, they stand in the table and are not compared. Pure.
 */
#include "report/history.h"

#include "base/clock.h"
#include "policy/drift.h"
#include "wire/jsontext.h"

#include <math.h>
#include <string.h>

#define FOOT 0.1 /* of the largest value: the least that a spark line spans */

/* One benchmark of the history. */
struct group {
    const struct history *h;
    const char *benchmark;
    const struct history_value *newest; /* that has a value; NULL: none has */
    double values[HISTORY_RUNS];        /* those that are compared */
    int64_t started[HISTORY_RUNS];
    struct history_series series;
    bool drifted;
    struct drift drift;
};

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_of(const struct group *g, const struct history_value *v) {
    return same_text(v->benchmark, g->benchmark);
}

static bool is_compared(const struct group *g, const struct history_value *v) {
    const struct history_value *like = g->newest;
    return v->counts && like && same_text(v->metric, like->metric) &&
           same_text(v->unit, like->unit) && v->lower_is_better == like->lower_is_better;
}

static void take_values(struct group *g) {
    size_t n = 0;
    for (size_t i = g->h->count; i-- > 0 && n < HISTORY_RUNS;) {
        const struct history_value *v = &g->h->values[i];
        if (!is_of(g, v) || !is_compared(g, v))
            continue;
        n++;
        g->values[HISTORY_RUNS - n] = v->value;
        g->started[HISTORY_RUNS - n] = v->started;
    }
    g->series = (struct history_series){.benchmark = g->benchmark,
                                        .metric = g->newest ? g->newest->metric : NULL,
                                        .unit = g->newest ? g->newest->unit : NULL,
                                        .lower_is_better = g->newest && g->newest->lower_is_better,
                                        .values = g->values + HISTORY_RUNS - n,
                                        .started = g->started + HISTORY_RUNS - n,
                                        .count = n};
}

/* The first benchmark from values[*at] on that was not met before; false after the last one. */
static bool next_group(const struct history *h, size_t *at, struct group *ret) {
    for (; *at < h->count; ++*at) {
        const char *name = h->values[*at].benchmark;
        size_t first = 0;
        while (!same_text(h->values[first].benchmark, name))
            first++;
        if (name && first == *at)
            break;
    }
    if (*at == h->count)
        return false;
    *ret = (struct group){.h = h, .benchmark = h->values[(*at)++].benchmark};
    for (size_t i = 0; i < h->count; i++)
        if (is_of(ret, &h->values[i]) && h->values[i].metric)
            ret->newest = &h->values[i];
    take_values(ret);
    ret->drifted =
        drift_find(ret->series.values, ret->series.count, ret->series.lower_is_better, &ret->drift);
    return true;
}

static void add_spark(struct str *out, const struct group *g) {
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < g->h->count; i++)
        if (is_of(g, &g->h->values[i]) && is_compared(g, &g->h->values[i])) {
            low = fmin(low, g->h->values[i].value);
            high = fmax(high, g->h->values[i].value);
        }
    low = fmin(low, high - FOOT * fabs(high));
    for (size_t i = 0; i < g->h->count; i++) {
        const struct history_value *v = &g->h->values[i];
        if (!is_of(g, v))
            continue;
        double height = high > low ? (v->value - low) / (high - low) : 1;
        size_t block = (size_t)(height * (double)(ARRAY_LEN(blocks) - 1) + 0.5);
        str_add(out, is_compared(g, v) ? blocks[block < ARRAY_LEN(blocks) ? block : 0] : "·");
    }
}

/* A number in a column of its own, `-` where there is none. */
static void add_number(struct str *out, int width, double x) {
    if (isnan(x))
        str_addf(out, " %*s", width, "-");
    else
        str_addf(out, " %*.6g", width, x);
}

static void add_verdict(struct str *out, const struct group *g, const struct history_value *v) {
    str_addf(out, "  %s", verdict_name(v->verdict));
    if (v->reason != REASON_NONE)
        str_addf(out, ", %s", reason_name(v->reason));
    if (v->flaky)
        str_add(out, ", flaky");
    if (!isnan(v->value) && !is_compared(g, v))
        str_add(out, ", not compared");
    if (strcmp(v->server, g->h->server) != 0)
        str_addf(out, "  as %s", v->server);
    str_add_char(out, '\n');
}

static void add_group(struct str *out, const struct group *g) {
    char started[20], day[DRIFT_DAY_SIZE];
    bool named = g->newest && strcmp(g->newest->metric, g->benchmark) != 0;
    str_addf(out, "\n%s%s%s  ", g->benchmark, named ? " " : "", named ? g->newest->metric : "");
    add_spark(out, g);
    if (g->newest)
        str_addf(out, "  %.6g%s%s", g->newest->value, g->newest->unit ? " " : "",
                 g->newest->unit ? g->newest->unit : "");
    if (g->drifted) {
        drift_day(&g->series, &g->drift, day);
        str_add(out, ", slower than itself: ");
        drift_add(out, g->drift.percent, day);
    }
    str_addf(out, "\n  %-24s %-19s %11s %10s %6s  %s\n", "run", "started", "value", "spread",
             "score", "verdict");
    for (size_t i = g->h->count; i-- > 0;) {
        const struct history_value *v = &g->h->values[i];
        if (!is_of(g, v))
            continue;
        clock_format_local(v->started, started);
        str_addf(out, "  %-24s %-19s", v->run, started);
        add_number(out, 11, v->value);
        add_number(out, 10, v->spread);
        add_number(out, 6, isnan(v->score) ? v->score : floor(v->score + 0.5));
        add_verdict(out, g, v);
    }
}

/* Runs in which nothing was measured. */
static void add_without(struct str *out, const struct history *h) {
    const char *title = "\nnothing measured\n";
    char started[20];
    for (size_t i = h->count; i-- > 0;) {
        const struct history_value *v = &h->values[i];
        if (v->benchmark)
            continue;
        clock_format_local(v->started, started);
        str_addf(out, "%s  %-24s %-19s  %s%s%s\n", title, v->run, started, verdict_name(v->verdict),
                 v->reason == REASON_NONE ? "" : ", ",
                 v->reason == REASON_NONE ? "" : reason_name(v->reason));
        title = "";
    }
}

void history_add_text(struct str *out, const struct history *h) {
    struct group g;
    char since[20];
    clock_format_local(h->count ? h->values[0].started : 0, since);
    str_addf(out, "%s, %zu run%s since %.10s\n", h->server, h->run_count,
             h->run_count == 1 ? "" : "s", since);
    for (size_t at = 0; next_group(h, &at, &g);)
        add_group(out, &g);
    add_without(out, h);
}

static json_t *text(const char *s) {
    return s ? json_string(s) : json_null();
}

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *value_object(const struct group *g, const struct history_value *v) {
    char started[25];
    clock_format_utc(v->started, started);
    json_t *object =
        json_pack("{ss ss so ss so}", "run", v->run, "started", started, "server", text(v->server),
                  "verdict", verdict_name(v->verdict), "reason", text(reason_name(v->reason)));
    json_t *rest =
        g ? json_pack("{so so so so so sb sb}", "metric", text(v->metric), "value",
                      number(v->value), "unit", text(v->unit), "spread", number(v->spread), "score",
                      number(v->score), "flaky", v->flaky, "compared", is_compared(g, v))
          : json_object();
    if (json_object_update(object, rest) < 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(rest);
    return object;
}

/* The runs of a group or, without one, those in which nothing was measured. */
static json_t *runs_array(const struct history *h, const struct group *g) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < h->count; i++) {
        const struct history_value *v = &h->values[i];
        if (g ? !is_of(g, v) : v->benchmark != NULL)
            continue;
        if (json_array_append_new(list, value_object(g, v)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *drift_object(const struct group *g) {
    char day[DRIFT_DAY_SIZE];
    if (!g->drifted)
        return json_null();
    drift_day(&g->series, &g->drift, day);
    return json_pack("{ss so so so so}", "since", day, "percent", number(g->drift.percent),
                     "before", number(g->drift.before), "after", number(g->drift.after), "p",
                     number(g->drift.p));
}

static json_t *group_object(const struct group *g) {
    return json_pack("{so so so ss so so}", "benchmark", text(g->benchmark), "metric",
                     text(g->series.metric), "unit", text(g->series.unit), "better",
                     g->series.lower_is_better ? "lower" : "higher", "drift", drift_object(g),
                     "runs", runs_array(g->h, g));
}

int history_document(FILE *out, const struct history *h, struct error *err) {
    struct group g;
    json_t *groups = json_array();
    bool failed = !groups;
    for (size_t at = 0; !failed && next_group(h, &at, &g);)
        failed = json_array_append_new(groups, group_object(&g)) < 0;
    json_t *object =
        json_pack("{so so so so}", "server", text(h->server), "machine", text(h->machine),
                  "benchmarks", groups, "nothing_measured", runs_array(h, NULL));
    failed |= !object || json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(15)) < 0;
    fputc('\n', out);
    json_decref(object);
    return failed && !ferror(out) ? error_memory(err) : 0;
}
