/*
 * series: what store_series() hands over: for each judged metric of a run its servers' values over
 * their last runs.
 *
 * So many servers at a time are taken, so that the memory in use does not grow with the run. First
 * each one's rows in its last runs are found (store/links). Then, a metric at a time, each of those
 * runs' values is read in one walk along an index that has them side by side in the order of the
 * servers, and put where its server's series is. A metric of a block over thirty runs is 4 MB of
 * numbers, as many of their runs, and 12 MB that say where they belong.
 */
#include "store/history.h"

#include "base/vec.h"
#include "store/links.h"
#include "store/rows.h"

#include <math.h>
#include <string.h>

/* as the index benchmark_value has it (store/schema.c) */
#define SELECT_VALUES                                                                              \
    "SELECT position, value FROM benchmark INDEXED BY benchmark_value WHERE run = ?1 AND "         \
    "benchmark = ?2 AND metric = ?3 AND unit IS NOT DISTINCT FROM ?4 AND better = ?5 AND "         \
    "position BETWEEN ?6 AND ?7 AND " ROW_VALUE_COUNTS " ORDER BY position"
#define SELECT_METRICS                                                                             \
    "SELECT DISTINCT benchmark, metric, unit, better FROM benchmark INDEXED BY benchmark_value "   \
    "WHERE run = ? AND " ROW_VALUE_COUNTS
#define SELECT_SERVERS                                                                             \
    "SELECT position, name, machine FROM server WHERE run = ? AND position >= ? AND "              \
    "state = 'done' ORDER BY position LIMIT ?"

#define BLOCK 16384 /* servers that are read at a time */

/* Where the value of a row goes: a server's series, `ago` runs back. */
struct place {
    int64_t run;
    int64_t position;
    uint32_t server;
    uint32_t ago;
};

struct metric_key {
    char *benchmark, *metric, *unit;
    bool lower_is_better;
};

struct series {
    struct store *s;
    struct links links;
    struct place *places; /* by run and position */
    size_t place_count, place_cap;
    int64_t *positions; /* of each server in the run that is looked from */
    size_t server_count, server_cap;
    size_t depth; /* the most runs that a server has, at least 1 */
    struct metric_key *metrics;
    size_t metric_count, metric_cap;
    double *values; /* of one metric: `depth` of each server, the newest first; NAN: none */
    int64_t *runs;  /* the run of each of these, by its number; 0: none */
    struct sql_stmt *select;
};

static void series_done(struct series *a) {
    for (size_t i = 0; i < a->metric_count; i++) {
        free(a->metrics[i].benchmark);
        free(a->metrics[i].metric);
        free(a->metrics[i].unit);
    }
    links_done(&a->links);
    sql_finalize(a->select);
    free(a->places);
    free(a->positions);
    free(a->metrics);
    free(a->values);
    free(a->runs);
}

static int prepare(struct series *a, const char *sql, int64_t run, struct sql_stmt **ret,
                   struct error *err) {
    if (database_prepare_walk(a->s, sql, ret, err) < 0)
        return -1;
    sql_bind_int(*ret, 1, run);
    return 0;
}

/* Of a statement that was stepped to its end, or as far as rc says. */
static int end(struct series *a, struct sql_stmt *stmt, int rc, struct error *err) {
    return database_finalize(a->s, stmt, rc, err);
}

static int add_server(struct series *a, struct sql_stmt *stmt, struct error *err) {
    struct link links[HISTORY_RUNS];
    const char *name, *machine;
    if (row_borrow_text(stmt, 1, &name, err) < 0 || row_borrow_text(stmt, 2, &machine, err) < 0)
        return -1;
    ssize_t n = links_find(&a->links, name ? name : "", machine, true, HISTORY_RUNS, links, err);
    if (n < 0)
        return -1;
    if (vec_reserve(&a->positions, &a->server_cap, a->server_count + 1, sizeof(*a->positions)) <
            0 ||
        vec_reserve(&a->places, &a->place_cap, a->place_count + (size_t)n, sizeof(*a->places)) < 0)
        return error_memory(err);
    for (uint32_t i = 0; i < (uint32_t)n; i++)
        a->places[a->place_count++] = (struct place){links[i].run, links[i].position,
                                                     .server = (uint32_t)a->server_count, .ago = i};
    a->positions[a->server_count++] = sql_column_int(stmt, 0);
    a->depth = (size_t)n > a->depth ? (size_t)n : a->depth;
    return 0;
}

static int compare_places(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

/* Of the next servers from this position on: none are left when there are fewer than BLOCK. */
static int read_servers(struct series *a, int64_t run, int64_t from, struct error *err) {
    struct sql_stmt *stmt;
    if (prepare(a, SELECT_SERVERS, run, &stmt, err) < 0)
        return -1;
    sql_bind_int(stmt, 2, from);
    sql_bind_int(stmt, 3, BLOCK);
    a->server_count = a->place_count = 0;
    a->depth = 1;
    int rc = 0;
    while (rc == 0 && sql_step(stmt) == SQL_ROW)
        rc = add_server(a, stmt, err);
    if (end(a, stmt, rc, err) < 0)
        return -1;
    size_t room = a->server_count * a->depth + 1;
    free(a->values);
    free(a->runs);
    a->values = malloc(room * sizeof(*a->values));
    a->runs = calloc(room, sizeof(*a->runs));
    if (!a->values || !a->runs)
        return error_memory(err);
    if (a->place_count > 0)
        qsort(a->places, a->place_count, sizeof(*a->places), compare_places);
    for (size_t i = 0; i < a->place_count; i++)
        a->runs[a->places[i].server * a->depth + a->places[i].ago] = a->places[i].run;
    return 0;
}

static int read_metrics(struct series *a, int64_t run, struct error *err) {
    struct sql_stmt *stmt;
    if (prepare(a, SELECT_METRICS, run, &stmt, err) < 0)
        return -1;
    int rc = 0;
    while (rc == 0 && sql_step(stmt) == SQL_ROW) {
        if (vec_reserve(&a->metrics, &a->metric_cap, a->metric_count + 1, sizeof(*a->metrics)) <
            0) {
            rc = error_memory(err);
            break;
        }
        struct metric_key *m = &a->metrics[a->metric_count++];
        const char *better;
        *m = (struct metric_key){0};
        if (row_read_name(stmt, 0, &m->benchmark, err) < 0 ||
            row_read_name(stmt, 1, &m->metric, err) < 0 ||
            row_read_printable(stmt, 2, &m->unit, err) < 0 ||
            row_borrow_text(stmt, 3, &better, err) < 0)
            rc = -1;
        else
            m->lower_is_better = better && strcmp(better, "lower") == 0;
    }
    return end(a, stmt, rc, err);
}

/* Reads the values of the rows places[from] to places[to - 1], which are of one run. */
static int read_run(struct series *a, size_t from, size_t to, struct error *err) {
    sql_bind_int(a->select, 1, a->places[from].run);
    sql_bind_int(a->select, 6, a->places[from].position);
    sql_bind_int(a->select, 7, a->places[to - 1].position);
    while (sql_step(a->select) == SQL_ROW) {
        int64_t position = sql_column_int(a->select, 0);
        while (from < to && a->places[from].position < position)
            from++;
        for (; from < to && a->places[from].position == position; from++)
            a->values[a->places[from].server * a->depth + a->places[from].ago] =
                sql_column_double(a->select, 1);
    }
    return sql_reset(a->select) == 0 ? 0 : database_fail(a->s, err);
}

static int read_values(struct series *a, const struct metric_key *m, struct error *err) {
    for (size_t i = 0; i < a->server_count * a->depth; i++)
        a->values[i] = NAN;
    sql_bind_text(a->select, 2, m->benchmark);
    sql_bind_text(a->select, 3, m->metric);
    sql_bind_text(a->select, 4, m->unit);
    sql_bind_text(a->select, 5, m->lower_is_better ? "lower" : "higher");
    for (size_t from = 0, to; from < a->place_count; from = to) {
        for (to = from + 1; to < a->place_count && a->places[to].run == a->places[from].run; to++)
            ;
        if (read_run(a, from, to, err) < 0)
            return -1;
    }
    return 0;
}

/* Turns what there is of a server's values into a series, the oldest first. */
static size_t line_up(const struct series *a, size_t server, double *values, int64_t *started) {
    const double *newest = &a->values[server * a->depth];
    const int64_t *runs = &a->runs[server * a->depth];
    size_t n = 0;
    for (size_t ago = a->depth; ago-- > 0;) {
        if (!isfinite(newest[ago]))
            continue;
        const struct links_run *run = links_run(&a->links, runs[ago]);
        values[n] = newest[ago];
        started[n++] = run ? run->started : 0;
    }
    return n;
}

static int hand_over(struct series *a, const struct metric_key *m, store_series_fn *each, void *arg,
                     struct error *err) {
    double values[HISTORY_RUNS];
    int64_t started[HISTORY_RUNS];
    struct history_series series = {.benchmark = m->benchmark,
                                    .metric = m->metric,
                                    .unit = m->unit,
                                    .lower_is_better = m->lower_is_better,
                                    .values = values,
                                    .started = started};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->server_count; i++) {
        if (!isfinite(a->values[i * a->depth]))
            continue;
        series.count = line_up(a, i, values, started);
        rc = each(arg, (size_t)a->positions[i], &series, err);
    }
    return rc;
}

/* How many runs are like the one that is looked from, with that one. */
static size_t count_alike(const struct links *l) {
    size_t n = 0;
    for (size_t i = 0; i < l->run_count; i++)
        n += l->runs[i].like == l->like;
    return n;
}

/* The series of the servers in hand, one metric after the other. */
static int tell_block(struct series *a, store_series_fn *each, void *arg, struct error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->metric_count; i++) {
        rc = read_values(a, &a->metrics[i], err);
        if (rc == 0)
            rc = hand_over(a, &a->metrics[i], each, arg, err);
    }
    return rc;
}

static int read_series(struct store *s, const char *run_id, size_t least, store_series_fn *each,
                       void *arg, struct error *err) {
    cleanup(series_done) struct series a = {.s = s};
    int64_t run;
    if (database_find_run(s, run_id, &run, err) < 0 || links_open(s, run, &a.links, err) < 0)
        return -1;
    if (count_alike(&a.links) < least)
        return 0;
    if (read_metrics(&a, run, err) < 0 || prepare(&a, SELECT_VALUES, run, &a.select, err) < 0)
        return -1;
    int rc;
    int64_t from = 0;
    do {
        rc = read_servers(&a, run, from, err);
        if (rc == 0)
            rc = tell_block(&a, each, arg, err);
        from = a.server_count > 0 ? a.positions[a.server_count - 1] + 1 : 0;
    } while (rc == 0 && a.server_count == BLOCK);
    return rc;
}

int store_series(struct store *s, const char *run_id, size_t least, store_series_fn *each,
                 void *arg, struct error *err) {
    bool begun;
    if (database_read(s, &begun, err) < 0)
        return -1;
    return database_read_end(s, begun, read_series(s, run_id, least, each, arg, err), err);
}
