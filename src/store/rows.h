/*
 * rows: results as rows of the store's tables, both ways.
 *
 * Binding copies nothing: what is bound, *json among it, must stay until the statement has run. NAN
 * and NULL are SQL's NULL. Lists of numbers and metrics are JSON texts, for SQLite's own json
 * functions.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "model/result.h"

#include <sqlite3.h>
#include <stddef.h>

#define ROW_SELECT_SERVERS                                                                         \
    "SELECT position, name, verdict, reason, detail, attempts, seconds, facts FROM server "        \
    "WHERE run = ? ORDER BY position"
#define ROW_SELECT_BENCHMARKS                                                                      \
    "SELECT position, benchmark, verdict, reason, detail, score, metric, value, unit, better, "    \
    "reference, threshold, trials, spread, seconds, metrics, conditions, sensors FROM benchmark "  \
    "WHERE run = ? ORDER BY position, ordinal"

void row_text(sqlite3_stmt *stmt, int column, const char *text);
void row_number(sqlite3_stmt *stmt, int column, double x);
double row_read_number(sqlite3_stmt *stmt, int column);

void row_bind_server(sqlite3_stmt *stmt, int64_t run, size_t position,
                     const struct server_result *r);
int row_bind_benchmark(sqlite3_stmt *stmt, int64_t run, size_t position, size_t ordinal,
                       const struct benchmark_result *r, struct str *json,
                       struct error *err) must_use;

/* Read the current row of the selects above. ERROR_STORE when it is not what was written. */
int row_read_server(sqlite3_stmt *stmt, struct server_result *ret, struct error *err) must_use;
int row_read_benchmark(sqlite3_stmt *stmt, struct benchmark_result *ret,
                       struct error *err) must_use;
