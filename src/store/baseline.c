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
static int read_texts(sqlite3_stmt *stmt, struct baseline *b, struct error *err) {
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
static bool is_number(sqlite3_stmt *stmt, int column) {
    int type = sqlite3_column_type(stmt, column);
    return type == SQLITE_FLOAT || type == SQLITE_INTEGER;
}

static int read_row(sqlite3_stmt *stmt, bool any, struct baselines *to, struct error *err) {
    cleanup(baseline_done) struct baseline b = {.median = row_read_number(stmt, 5),
                                                .scale = row_read_number(stmt, 6),
                                                .taken = sqlite3_column_int64(stmt, 9)};
    const char *better;
    int64_t count = sqlite3_column_int64(stmt, 7);
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
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    int prepared = sqlite3_prepare_v2(
        s->db,
        "SELECT kind, benchmark, metric, unit, better, median, scale, count, run, taken "
        "FROM baseline ORDER BY kind, benchmark, metric",
        -1, &stmt, NULL);
    while (rc == 0 && prepared == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        rc = read_row(stmt, any, &all, err);
    if ((sqlite3_finalize(stmt) != SQLITE_OK || prepared != SQLITE_OK) && rc == 0)
        rc = database_fail(s, err);
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
    sqlite3_stmt *stmt = database_use(s, PUT_BASELINE, err);
    if (!stmt)
        return -1;
    row_text(stmt, 1, b->kind);
    row_text(stmt, 2, b->benchmark);
    row_text(stmt, 3, b->metric);
    row_text(stmt, 4, b->unit);
    row_text(stmt, 5, b->lower_is_better ? "lower" : "higher");
    row_number(stmt, 6, b->median);
    row_number(stmt, 7, b->scale);
    sqlite3_bind_int(stmt, 8, b->count);
    row_text(stmt, 9, b->run ? b->run : "");
    sqlite3_bind_int64(stmt, 10, b->taken);
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
    sqlite3_stmt *stmt = database_use(s, DROP_BASELINES, err);
    if (!stmt || database_begin(s, err) < 0)
        return -1;
    row_text(stmt, 1, kind);
    return database_end(s, database_run(s, stmt, err), err);
}
