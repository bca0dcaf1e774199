/*
 * compare: see compare.h.
 *
 * Three steps: servers of both runs are matched and put in the order of their kinds; each kind's
 * servers give one row for every metric; then, when the number of rows is known and with it how
 * sure each must be, rows get their intervals and moves are looked for.
 */
#include "policy/compare.h"

#include "base/vec.h"
#include "model/shift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY_ERROR 0.05 /* for all metrics together to be called changed where they are not */
#define MOVE_Z 3.5
#define MOVE_PEERS 8
#define MOVE_OF_FEW_PERCENT 10

/* The two runs, and room for one kind's numbers. */
struct pair_of_runs {
    const struct cohort *before, *after;
    double *x, *y, *ratios; /* each has room for all servers */
    double percent;
};

static bool known(const char *kind) {
    return strcmp(kind, COHORT_UNKNOWN) != 0;
}

static int by_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

static const char *key_of(const struct cohort *c, size_t row, bool machine) {
    return machine ? c->servers[row].machine : c->servers[row].name;
}

struct key_order {
    const struct cohort *cohort;
    bool machine;
};

static int by_key(const void *a, const void *b, void *arg) {
    const struct key_order *o = arg;
    return by_text(key_of(o->cohort, *(const size_t *)a, o->machine),
                   key_of(o->cohort, *(const size_t *)b, o->machine));
}

/* The row of this key among rows in the order of keys; COMPARE_NONE: none, or not one alone. */
static size_t find_key(const struct key_order *o, const size_t *rows, size_t n, const char *key) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t half = (low + high) / 2;
        if (by_text(key_of(o->cohort, rows[half], o->machine), key) < 0)
            low = half + 1;
        else
            high = half;
    }
    bool is = low < n && by_text(key_of(o->cohort, rows[low], o->machine), key) == 0;
    bool twice = low + 1 < n && by_text(key_of(o->cohort, rows[low + 1], o->machine), key) == 0;
    return is && !twice ? rows[low] : COMPARE_NONE;
}

/* Gives servers of the later run that have none their row of the earlier one, by this key. */
static void match(const struct pair_of_runs *p, bool machine, size_t *rows, bool *taken,
                  struct compare_server *servers) {
    struct key_order order = {p->before, machine};
    size_t n = p->before->server_count;
    for (size_t i = 0; i < n; i++)
        rows[i] = i;
    qsort_r(rows, n, sizeof(*rows), by_key, &order);
    for (size_t i = 0; i < p->after->server_count; i++) {
        const char *key = key_of(p->after, i, machine);
        size_t row = key && servers[i].before == COMPARE_NONE ? find_key(&order, rows, n, key)
                                                              : COMPARE_NONE;
        if (row == COMPARE_NONE || taken[row])
            continue;
        taken[row] = true;
        servers[i].before = row;
    }
}

static int by_kind(const void *a, const void *b) {
    const struct compare_server *x = a, *y = b;
    int kind = strcmp(x->kind, y->kind), disk = by_text(x->disk, y->disk);
    if (kind || disk)
        return kind ? kind : disk;
    if (x->after != y->after)
        return x->after < y->after ? -1 : 1;
    return x->before < y->before ? -1 : x->before > y->before;
}

static void describe(const struct pair_of_runs *p, struct compare_server *s) {
    const struct cohort_server *old =
        s->before == COMPARE_NONE ? NULL : &p->before->servers[s->before];
    const struct cohort_server *new =
        s->after == COMPARE_NONE ? NULL : &p->after->servers[s->after];
    const struct cohort_server *of = new && (known(new->kind) || !old) ? new : old;
    s->name = new ? new->name : old->name;
    s->kind = of->kind;
    s->disk = of->disk;
}

static int find_servers(const struct pair_of_runs *p, struct comparison *ret) {
    size_t old = p->before->server_count, new = p->after->server_count;
    cleanup(free_ptr) size_t *rows = malloc((old + 1) * sizeof(*rows));
    cleanup(free_ptr) bool *taken = calloc(old + 1, sizeof(*taken));
    ret->servers = malloc((old + new + 1) * sizeof(*ret->servers));
    if (!rows || !taken || !ret->servers)
        return -1;
    for (size_t i = 0; i < new; i++)
        ret->servers[i] = (struct compare_server){.before = COMPARE_NONE, .after = i};
    match(p, false, rows, taken, ret->servers);
    match(p, true, rows, taken, ret->servers);
    ret->server_count = new;
    for (size_t i = 0; i < old; i++)
        if (!taken[i])
            ret->servers[ret->server_count++] =
                (struct compare_server){.before = i, .after = COMPARE_NONE};
    for (size_t i = 0; i < ret->server_count; i++)
        describe(p, &ret->servers[i]);
    qsort(ret->servers, ret->server_count, sizeof(*ret->servers), by_kind);
    return 0;
}

static const struct cohort_metric *find_metric(const struct cohort *c,
                                               const struct cohort_metric *m) {
    for (size_t i = 0; i < c->metric_count; i++) {
        const struct cohort_metric *other = &c->metrics[i];
        if (other->lower_is_better == m->lower_is_better &&
            strcmp(other->benchmark, m->benchmark) == 0 && strcmp(other->metric, m->metric) == 0 &&
            by_text(other->unit, m->unit) == 0)
            return other;
    }
    return NULL;
}

static double value_of(const struct cohort_metric *m, size_t row) {
    return m && row != COMPARE_NONE ? m->values[row] : NAN;
}

/* The servers of one kind, and of one disk where `by_disk`, from `from` on. */
static size_t same_kind(const struct comparison *c, size_t from, bool by_disk) {
    size_t n = 1;
    while (from + n < c->server_count &&
           strcmp(c->servers[from].kind, c->servers[from + n].kind) == 0 &&
           (!by_disk || by_text(c->servers[from].disk, c->servers[from + n].disk) == 0))
        n++;
    return n;
}

/* The numbers of one metric of one kind. */
struct numbers {
    size_t old, new, pairs;      /* of x, y and ratios */
    size_t old_above, new_above; /* values above zero, which have a logarithm */
};

static struct numbers gather(const struct pair_of_runs *p, const struct compare_server *s, size_t n,
                             const struct cohort_metric *old, const struct cohort_metric *new) {
    struct numbers r = {0};
    for (size_t i = 0; i < n; i++) {
        double a = value_of(old, s[i].before), b = value_of(new, s[i].after);
        if (!isnan(a))
            p->x[r.old++] = a;
        if (!isnan(b))
            p->y[r.new ++] = b;
        r.old_above += a > 0;
        r.new_above += b > 0;
        if (a > 0 && b > 0)
            p->ratios[r.pairs++] = b / a;
    }
    return r;
}

/* A row for a metric that any server of the kind has in either run. */
static int add_metric(const struct pair_of_runs *p, struct comparison *c, size_t from, size_t n,
                      const struct cohort_metric *old, const struct cohort_metric *new) {
    struct numbers r = gather(p, &c->servers[from], n, old, new);
    if (r.old + r.new == 0)
        return 0;
    if (vec_reserve(&c->metrics, &c->metric_cap, c->metric_count + 1, sizeof(*c->metrics)) < 0)
        return -1;
    const struct cohort_metric *metric = new ? new : old;
    size_t less = r.old_above < r.new_above ? r.old_above : r.new_above;
    c->metrics[c->metric_count++] = (struct compare_metric){
        .kind = c->servers[from].kind,
        .disk = cohort_by_disk(metric) ? c->servers[from].disk : NULL,
        .metric = metric,
        .before_count = r.old,
        .after_count = r.new,
        .pairs = r.pairs,
        .paired = r.pairs > 0 && 2 * r.pairs >= less,
        .before = stats_median(p->x, r.old),
        .after = stats_median(p->y, r.new),
        .ratio = NAN,
        .percent = NAN,
        .interval = {NAN, NAN, 0},
        .change = COMPARE_UNSURE,
    };
    return 0;
}

/* One metric of the servers of one kind, or of each disk of that kind. */
static int add_of_kind(const struct pair_of_runs *p, struct comparison *c, size_t from, size_t n,
                       const struct cohort_metric *old, const struct cohort_metric *new) {
    bool by_disk = cohort_by_disk(new ? new : old);
    for (size_t i = from; i < from + n;) {
        size_t part = by_disk ? same_kind(c, i, true) : n;
        if (add_metric(p, c, i, part, old, new) < 0)
            return -1;
        i += part;
    }
    return 0;
}

static int find_metrics(const struct pair_of_runs *p, struct comparison *c) {
    for (size_t i = 0; i < c->server_count;) {
        size_t n = same_kind(c, i, false);
        for (size_t m = 0; m < p->after->metric_count; m++) {
            const struct cohort_metric *new = &p->after->metrics[m];
            if (add_of_kind(p, c, i, n, find_metric(p->before, new), new) < 0)
                return -1;
        }
        for (size_t m = 0; m < p->before->metric_count; m++) {
            const struct cohort_metric *old = &p->before->metrics[m];
            if (!find_metric(p->after, old) && add_of_kind(p, c, i, n, old, NULL) < 0)
                return -1;
        }
        i += n;
    }
    return 0;
}

/* Keeps the values above zero, as logarithms in ascending order. Returns how many. */
static size_t to_logarithms(double *values, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i] > 0)
            values[kept++] = log(values[i]);
    stats_sort(values, kept);
    return kept;
}

static void paired_ratio(double *ratios, size_t n, double confidence, struct compare_metric *m) {
    stats_sort(ratios, n);
    m->ratio = stats_quantile(ratios, n, 0.5);
    if (stats_sorted_interval(ratios, n, confidence, &m->interval) || n == 0)
        return;
    /* The widest there is. */
    double coverage = 1 - pow(2, 1 - (double)n);
    if (coverage >= 1 - FAMILY_ERROR)
        m->interval = (struct stats_interval){ratios[0], ratios[n - 1], coverage};
}

static void unpaired_ratio(double *x, size_t nx, double *y, size_t ny, double confidence,
                           struct compare_metric *m) {
    nx = to_logarithms(x, nx);
    ny = to_logarithms(y, ny);
    if (nx == 0 || ny == 0)
        return;
    struct stats_interval i;
    m->ratio = exp(shift_between(x, nx, y, ny, confidence, &i));
    if (i.coverage == 0) {
        /* The widest there is: all of one side above all of the other is one order of many. */
        double orders = 1;
        for (size_t k = 1; k <= ny; k++)
            orders *= (double)(nx + k) / (double)k;
        i.coverage = 1 - 2 / orders;
    }
    if (i.coverage >= 1 - FAMILY_ERROR)
        m->interval = (struct stats_interval){exp(i.low), exp(i.high), i.coverage};
}

static enum compare_change change_of(const struct compare_metric *m, double percent) {
    if (isnan(m->ratio) || m->interval.coverage == 0)
        return COMPARE_UNSURE;
    bool up = m->interval.low > 1, down = m->interval.high < 1;
    if ((!up && !down) || fabs(m->percent) < percent)
        return COMPARE_SAME;
    return up != m->metric->lower_is_better ? COMPARE_BETTER : COMPARE_WORSE;
}

static double percent_of(double ratio, bool lower_is_better) {
    return 100 * (lower_is_better ? 1 - ratio : ratio - 1);
}

static int add_move(struct comparison *c, struct compare_move move) {
    if (vec_reserve(&c->moves, &c->move_cap, c->move_count + 1, sizeof(*c->moves)) < 0)
        return -1;
    c->moves[c->move_count++] = move;
    return 0;
}

/* How far off the kind's median a logarithm of a ratio may be before the server has moved. */
static double still(const struct pair_of_runs *p, const double *ratios, size_t n, double all,
                    double median) {
    if (n < MOVE_PEERS)
        return log1p(MOVE_OF_FEW_PERCENT / 100.0);
    double scale = stats_centre(ratios, n).scale;
    return fmax(log1p(p->percent / 100), scale * fmax(MOVE_Z, sqrt(2 * log(all))) / median);
}

static int find_moves(const struct pair_of_runs *p, struct comparison *c, size_t metric,
                      const struct compare_server *s, size_t n, const struct cohort_metric *old,
                      const struct cohort_metric *new) {
    const struct compare_metric *m = &c->metrics[metric];
    if (!m->paired || m->pairs < 2)
        return 0;
    double all = (double)c->server_count * (double)c->metric_count;
    double least = still(p, p->ratios, m->pairs, all, m->ratio);
    for (size_t i = 0; i < n; i++) {
        double a = value_of(old, s[i].before), b = value_of(new, s[i].after);
        if (!(a > 0 && b > 0) || !(fabs(log(b / a / m->ratio)) > least))
            continue;
        struct compare_move move = {(size_t)(s + i - c->servers), metric, a, b,
                                    percent_of(b / a, m->metric->lower_is_better)};
        if (add_move(c, move) < 0)
            return -1;
    }
    return 0;
}

/* The servers that a row is about. */
static size_t servers_of(const struct comparison *c, const struct compare_metric *m, size_t *from) {
    bool by_disk = cohort_by_disk(m->metric);
    size_t i = 0;
    while (strcmp(c->servers[i].kind, m->kind) != 0 ||
           (by_disk && by_text(c->servers[i].disk, m->disk) != 0))
        i++;
    *from = i;
    return same_kind(c, i, by_disk);
}

static int judge_metric(const struct pair_of_runs *p, struct comparison *c, size_t at) {
    struct compare_metric *m = &c->metrics[at];
    size_t from, n = servers_of(c, m, &from);
    const struct cohort_metric *old = find_metric(p->before, m->metric);
    const struct cohort_metric *new = find_metric(p->after, m->metric);
    struct numbers r = gather(p, &c->servers[from], n, old, new);
    double confidence = 1 - FAMILY_ERROR / (double)c->metric_count;
    if (m->paired)
        paired_ratio(p->ratios, r.pairs, confidence, m);
    else
        unpaired_ratio(p->x, r.old, p->y, r.new, confidence, m);
    m->percent = percent_of(m->ratio, m->metric->lower_is_better);
    m->change = change_of(m, p->percent);
    return find_moves(p, c, at, &c->servers[from], n, old, new);
}

static int worst_first(const void *a, const void *b) {
    const struct compare_move *x = a, *y = b;
    if (x->percent != y->percent)
        return x->percent < y->percent ? -1 : 1;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    return x->server < y->server ? -1 : x->server > y->server;
}

static int compare(const struct pair_of_runs *p, struct comparison *c) {
    if (find_servers(p, c) < 0 || find_metrics(p, c) < 0)
        return -1;
    for (size_t i = 0; i < c->metric_count; i++)
        if (judge_metric(p, c, i) < 0)
            return -1;
    if (c->move_count > 0)
        qsort(c->moves, c->move_count, sizeof(*c->moves), worst_first);
    return 0;
}

int compare_runs(const struct cohort *before, const struct cohort *after, double percent,
                 struct comparison *ret, struct error *err) {
    size_t n = before->server_count + after->server_count + 1;
    cleanup(free_ptr) double *room = malloc(3 * n * sizeof(*room));
    if (!room)
        return error_memory(err);
    struct comparison c = {0};
    struct pair_of_runs p = {before, after, room, room + n, room + 2 * n, percent};
    if (compare(&p, &c) < 0) {
        comparison_done(&c);
        return error_memory(err);
    }
    *ret = c;
    return 0;
}

void comparison_done(struct comparison *c) {
    free(c->servers);
    free(c->metrics);
    free(c->moves);
    *c = (struct comparison){0};
}

static bool passed(const struct cohort *c, size_t row) {
    return row != COMPARE_NONE && c->servers[row].verdict == VERDICT_PASSED;
}

static bool did_not_pass(const struct cohort *c, size_t row) {
    return row != COMPARE_NONE &&
           (c->servers[row].verdict == VERDICT_FAILED || c->servers[row].verdict == VERDICT_ERROR);
}

bool compare_newly_failing(const struct cohort *before, const struct cohort *after,
                           const struct compare_server *s) {
    return passed(before, s->before) && did_not_pass(after, s->after);
}

bool compare_newly_passing(const struct cohort *before, const struct cohort *after,
                           const struct compare_server *s) {
    return did_not_pass(before, s->before) && passed(after, s->after);
}

bool compare_worse(const struct comparison *c, const struct cohort *before,
                   const struct cohort *after) {
    for (size_t i = 0; i < c->metric_count; i++)
        if (c->metrics[i].change == COMPARE_WORSE)
            return true;
    for (size_t i = 0; i < c->server_count; i++)
        if (compare_newly_failing(before, after, &c->servers[i]))
            return true;
    return false;
}
