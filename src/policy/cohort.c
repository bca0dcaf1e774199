/*
 * cohort: see cohort.h.
 *
 * Every column has a number or NAN for every row at any time, so that readers need no check. A new
 * row therefore costs a step in each column; columns are few, and grow by doubling.
 */
#include "policy/cohort.h"

#include "base/vec.h"
#include "policy/kind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void metric_free(struct cohort_metric *m) {
    free(m->benchmark);
    free(m->metric);
    free(m->unit);
    free(m->values);
}

static void server_free(struct cohort_server *s) {
    free(s->name);
    free(s->machine);
}

void cohort_done(struct cohort *c) {
    for (size_t i = 0; i < c->server_count; i++)
        server_free(&c->servers[i]);
    for (size_t i = 0; i < c->metric_count; i++)
        metric_free(&c->metrics[i]);
    free(c->servers);
    free(c->metrics);
    names_done(&c->words);
    *c = (struct cohort){0};
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_metric(const struct cohort_metric *m, const char *benchmark, const char *metric,
                      const char *unit, bool lower_is_better) {
    return m->lower_is_better == lower_is_better && strcmp(m->metric, metric) == 0 &&
           strcmp(m->benchmark, benchmark) == 0 && same_text(m->unit, unit);
}

/* NULL when it is not there. */
static struct cohort_metric *find_metric(struct cohort *c, const char *benchmark,
                                         const char *metric, const char *unit,
                                         bool lower_is_better) {
    for (size_t i = 0; i < c->metric_count; i++) {
        size_t at = (c->next + i) % c->metric_count;
        if (is_metric(&c->metrics[at], benchmark, metric, unit, lower_is_better)) {
            c->next = at + 1;
            return &c->metrics[at];
        }
    }
    return NULL;
}

static struct cohort_metric *new_metric(struct cohort *c, const char *benchmark, const char *metric,
                                        const char *unit, bool lower_is_better) {
    if (vec_reserve(&c->metrics, &c->metric_cap, c->metric_count + 1, sizeof(*c->metrics)) < 0)
        return NULL;
    struct cohort_metric m = {.benchmark = strdup(benchmark),
                              .metric = strdup(metric),
                              .unit = unit ? strdup(unit) : NULL,
                              .lower_is_better = lower_is_better};
    m.cap = c->server_cap; /* no more: the values are most of what a large cohort is */
    m.values = malloc((m.cap + 1) * sizeof(*m.values));
    if (!m.benchmark || !m.metric || (unit && !m.unit) || !m.values) {
        metric_free(&m);
        return NULL;
    }
    for (size_t i = 0; i < c->server_count; i++)
        m.values[i] = NAN;
    c->metrics[c->metric_count++] = m;
    c->next = c->metric_count;
    return &c->metrics[c->metric_count - 1];
}

static int put(struct cohort *c, size_t row, const char *benchmark, const char *metric,
               const char *unit, bool lower_is_better, bool judged, double value,
               struct error *err) {
    unit = unit && *unit ? unit : NULL;
    struct cohort_metric *m = find_metric(c, benchmark, metric, unit, lower_is_better);
    if (!m)
        m = new_metric(c, benchmark, metric, unit, lower_is_better);
    if (!m)
        return error_memory(err);
    m->judged |= judged;
    m->values[row] = isfinite(value) ? value : NAN;
    return 0;
}

int cohort_add_value(struct cohort *c, size_t row, const char *benchmark, const char *metric,
                     const char *unit, bool lower_is_better, double value, struct error *err) {
    return put(c, row, benchmark, metric, unit, lower_is_better, false, value, err);
}

/* Makes *word the cohort's copy of the text. */
static int intern(struct cohort *c, const char *text, const char **word) {
    size_t n = text ? strlen(text) : 0, at;
    if (!text || names_add(&c->words, text, n) < 0 ||
        (at = names_find(&c->words, text, n)) == NAMES_NONE) {
        *word = NULL;
        return text ? -1 : 0;
    }
    *word = c->words.items[at];
    return 0;
}

static int copy(const char *text, char **ret) {
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? -1 : 0;
}

/* Room for one more row, in every column too. */
static int make_room(struct cohort *c) {
    size_t need = c->server_count + 1;
    if (vec_reserve(&c->servers, &c->server_cap, need, sizeof(*c->servers)) < 0)
        return -1;
    for (size_t i = 0; i < c->metric_count; i++) {
        struct cohort_metric *m = &c->metrics[i];
        if (vec_reserve(&m->values, &m->cap, c->server_cap, sizeof(*m->values)) < 0)
            return -1;
        m->values[c->server_count] = NAN;
    }
    return 0;
}

int cohort_add_server(struct cohort *c, const char *server, const char *kind, struct error *err) {
    struct cohort_server s = {.verdict = VERDICT_PASSED, .measured = true};
    if (make_room(c) < 0 || copy(server, &s.name) < 0 ||
        intern(c, kind ? kind : COHORT_UNKNOWN, &s.kind) < 0) {
        server_free(&s);
        return error_memory(err);
    }
    c->servers[c->server_count++] = s;
    c->next = 0;
    return 0;
}

int cohort_add_rows(struct cohort *c, size_t n) {
    const struct cohort_server unknown = {.verdict = VERDICT_CANCELLED,
                                          .reason = REASON_INTERRUPTED};
    const char *kind;
    c->servers = calloc(n + 1, sizeof(*c->servers));
    if (!c->servers || intern(c, COHORT_UNKNOWN, &kind) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        c->servers[i] = unknown;
        c->servers[i].kind = kind;
    }
    c->server_count = c->server_cap = n;
    return 0;
}

static bool has_numbers(const struct benchmark_result *b) {
    return b->verdict == VERDICT_PASSED ||
           (b->verdict == VERDICT_FAILED && b->reason != REASON_WRONG_RESULT);
}

static int add_benchmark(struct cohort *c, size_t row, const struct benchmark_result *b,
                         struct error *err) {
    bool among = false;
    for (size_t i = 0; i < b->metric_count; i++) {
        const struct metric *m = &b->metrics[i];
        bool judged = b->metric && strcmp(m->name, b->metric) == 0;
        among |= judged;
        if (put(c, row, b->benchmark, m->name, m->unit, m->lower_is_better, judged, m->value, err) <
            0)
            return -1;
    }
    if (among || !b->metric)
        return 0;
    return put(c, row, b->benchmark, b->metric, b->unit, b->lower_is_better, true, b->value, err);
}

static bool has_disk(const struct server_result *r) {
    for (size_t i = 0; i < r->benchmark_count; i++)
        if (strcmp(r->benchmarks[i].benchmark, "disk") == 0)
            return true;
    return false;
}

/* What the server is. */
static int describe(struct cohort *c, size_t row, const struct server_result *r) {
    struct error ignored;
    cleanup(kind_done) struct kind kind = {0};
    bool by_disk = has_disk(r);
    if (by_disk && kind_read(r->facts, &kind, &ignored) < 0)
        return -1;
    struct cohort_server *s = &c->servers[row];
    if (intern(c, by_disk ? kind.disk : NULL, &s->disk) < 0)
        return -1;
    s->verdict = r->verdict;
    s->reason = r->reason;
    s->measured = r->verdict == VERDICT_PASSED || r->verdict == VERDICT_FAILED;
    return intern(c, r->kind ? r->kind : COHORT_UNKNOWN, &s->kind);
}

int cohort_put(struct cohort *c, size_t row, const struct server_result *r, struct error *err) {
    c->next = 0;
    if (describe(c, row, r) < 0)
        return error_memory(err);
    for (size_t i = 0; i < r->benchmark_count; i++)
        if (has_numbers(&r->benchmarks[i]) && add_benchmark(c, row, &r->benchmarks[i], err) < 0)
            return -1;
    return 0;
}

int cohort_add(struct cohort *c, const char *server, const struct server_result *r,
               struct error *err) {
    if (cohort_add_server(c, server, r->kind, err) < 0)
        return -1;
    size_t row = c->server_count - 1;
    if (copy(r->machine, &c->servers[row].machine) < 0)
        return error_memory(err);
    return cohort_put(c, row, r, err);
}

static int compare_texts(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_metrics(const void *a, const void *b) {
    const struct cohort_metric *x = a, *y = b;
    int by = strcmp(x->benchmark, y->benchmark);
    by = by ? by : strcmp(x->metric, y->metric);
    by = by ? by : compare_texts(x->unit, y->unit);
    return by ? by : x->lower_is_better - y->lower_is_better;
}

void cohort_sort_metrics(struct cohort *c) {
    if (c->metric_count > 0)
        qsort(c->metrics, c->metric_count, sizeof(*c->metrics), compare_metrics);
}

/* What qsort_r() hands to its comparison. */
struct order {
    const struct cohort *cohort;
    bool by_disk;
};

/* Of one kind: 0. */
static int compare_kinds(const struct order *o, size_t a, size_t b) {
    const struct cohort_server *x = &o->cohort->servers[a], *y = &o->cohort->servers[b];
    int by_kind = strcmp(x->kind, y->kind);
    return by_kind || !o->by_disk ? by_kind : compare_texts(x->disk, y->disk);
}

static int compare_rows(const void *a, const void *b, void *arg) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int by_kind = compare_kinds(arg, x, y);
    return by_kind ? by_kind : (x > y) - (x < y);
}

/* Whether they stand by their kinds as they are: most fleets are of one. */
static bool is_in_order(const struct order *o) {
    for (size_t i = 1; i < o->cohort->server_count; i++)
        if (compare_kinds(o, i - 1, i) > 0)
            return false;
    return true;
}

int cohort_kinds(const struct cohort *c, bool by_disk, struct cohort_kinds *ret,
                 struct error *err) {
    struct order order = {c, by_disk};
    size_t n = c->server_count, cap = 0;
    *ret = (struct cohort_kinds){.rows = malloc((n ? n : 1) * sizeof(*ret->rows))};
    if (!ret->rows)
        return error_memory(err);
    for (size_t i = 0; i < n; i++)
        ret->rows[i] = i;
    if (!is_in_order(&order))
        qsort_r(ret->rows, n, sizeof(*ret->rows), compare_rows, &order);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && compare_kinds(&order, ret->rows[i - 1], ret->rows[i]) == 0) {
            ret->items[ret->count - 1].count++;
            continue;
        }
        if (vec_reserve(&ret->items, &cap, ret->count + 1, sizeof(*ret->items)) < 0) {
            cohort_kinds_done(ret);
            return error_memory(err);
        }
        const struct cohort_server *s = &c->servers[ret->rows[i]];
        ret->items[ret->count++] =
            (struct cohort_kind){s->kind, by_disk ? s->disk : NULL, &ret->rows[i], 1};
    }
    return 0;
}

void cohort_kinds_done(struct cohort_kinds *k) {
    free(k->items);
    free(k->rows);
    *k = (struct cohort_kinds){0};
}

bool cohort_by_disk(const struct cohort_metric *m) {
    return strcmp(m->benchmark, "disk") == 0;
}
