/*
 * baseline: the baselines in the store, one for all of its runs.
 */
#include "store/database.h"

#include "store/rows.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static int spoiled(const struct baseline *b, struct error *err) {
    return error_set(err, ERROR_STORE,
                     "the store's baseline of %.60s %.60s for the kind '%.120s' cannot be read: "
                     "drop it, or import it anew (see `muster baseline --help`)",
                     b->benchmark, b->metric, b->kind);
}

/* Into texts that *b owns. */
static int read_texts(struct sql_stmt *stmt, struct baseline *b, struct error *err) {
    if (row_read_name(stmt, 0, &b->kind, err) < 0 ||
        row_read_name(stmt, 1, &b->benchmark, err) < 0 ||
        row_read_name(stmt, 2, &b->metric, err) < 0 ||
        row_read_printable(stmt, 3, &b->unit, err) < 0 ||
        row_read_printable(stmt, 8, &b->run, err) < 0)
        return -1;
    if (b->run && !*b->run) { /* the column has a text in any case */
        free(b->run);
        b->run = NULL;
    }
    if (!b->unit && !(b->unit = strdup("")))
        return error_memory(err);
    return 0;
}

/* SQLite takes a text for 0. */
static bool is_number(struct sql_stmt *stmt, int column) {
    enum sql_type type = sql_column_type(stmt, column);
    return type == SQL_DOUBLE || type == SQL_INT;
}

static int read_row(struct sql_stmt *stmt, bool any, struct baselines *to, struct error *err) {
    cleanup(baseline_done) struct baseline b = {.median = sql_column_double(stmt, 5),
                                                .scale = sql_column_double(stmt, 6),
                                                .taken = sql_column_int(stmt, 9)};
    const char *better;
    int64_t count = sql_column_int(stmt, 7);
    if (row_borrow_text(stmt, 4, &better, err) < 0)
        return -1;
    b.lower_is_better = better && strcmp(better, "lower") == 0;
    b.count = count > 0 && count <= INT_MAX ? (int)count : 0;
    if (read_texts(stmt, &b, err) < 0)
        return -1;
    if (!is_number(stmt, 5) || !is_number(stmt, 6) || !isfinite(b.median) || !(b.scale >= 0) ||
        !isfinite(b.scale) || b.count == 0) {
        if (!any)
            return spoiled(&b, err);
        b.median = b.scale = NAN;
        b.count = 0;
    }
    return baselines_put(to, &b, err);
}

static int read_all(struct store *s, bool any, struct baselines *ret, struct error *err) {
    cleanup(baselines_done) struct baselines all = {0};
    struct sql_stmt *stmt = NULL;
    int rc = 0;
    if (database_prepare(s,
                         "SELECT kind, benchmark, metric, unit, better, median, scale, count, run, "
                         "taken FROM baseline ORDER BY kind, benchmark, metric",
                         &stmt, err) < 0)
        return -1;
    while (rc == 0 && sql_step(stmt) == SQL_ROW)
        rc = read_row(stmt, any, &all, err);
    rc = database_finalize(s, stmt, rc, err);
    if (rc < 0)
        return rc;
    *ret = all;
    all = (struct baselines){0};
    return 0;
}

int store_baselines(struct store *s, struct baselines *ret, struct error *err) {
    return read_all(s, false, ret, err);
}

int store_baselines_any(struct store *s, struct baselines *ret, struct error *err) {
    return read_all(s, true, ret, err);
}

static int put(struct store *s, const struct baseline *b, struct error *err) {
    struct sql_stmt *stmt = database_use(s, PUT_BASELINE, err);
    if (!stmt)
        return -1;
    sql_bind_text(stmt, 1, b->kind);
    sql_bind_text(stmt, 2, b->benchmark);
    sql_bind_text(stmt, 3, b->metric);
    sql_bind_text(stmt, 4, b->unit);
    sql_bind_text(stmt, 5, b->lower_is_better ? "lower" : "higher");
    sql_bind_double(stmt, 6, b->median);
    sql_bind_double(stmt, 7, b->scale);
    sql_bind_int(stmt, 8, b->count);
    sql_bind_text(stmt, 9, b->run ? b->run : "");
    sql_bind_int(stmt, 10, b->taken);
    return database_run(s, stmt, err);
}

int store_put_baselines(struct store *s, const struct baselines *list, struct error *err) {
    if (database_begin(s, err) < 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = put(s, &list->items[i], err);
    return database_end(s, rc, err);
}

int store_drop_baselines(struct store *s, const char *kind, struct error *err) {
    struct sql_stmt *stmt = database_use(s, DROP_BASELINES, err);
    if (!stmt || database_begin(s, err) < 0)
        return -1;
    sql_bind_text(stmt, 1, kind);
    return database_end(s, database_run(s, stmt, err), err);
}
