/*
 * rows: results as rows of the store's tables, both ways.
 *
 * Binding copies nothing: what is bound, *json among it, must stay until the statement has run. NAN
 * and NULL are SQL's NULL. Lists of numbers and metrics are JSON texts, for the database's own json
 * functions.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "model/result.h"
#include "model/server.h"
#include "store/sql.h"

#include <stddef.h>

/* What is kept of an attempt at a server, and of a benchmark; the past_ tables have the same. */
#define ROW_SERVER_COLUMNS                                                                         \
    "verdict, reason, detail, attempts, seconds, facts, "                                          \
    "kind, machine, findings, why"
#define ROW_BENCHMARK_COLUMNS                                                                      \
    "benchmark, verdict, reason, detail, score, metric, value, unit, better, reference, "          \
    "threshold, trials, spread, seconds, metrics, conditions, sensors, flaky, "                    \
    "reference_source"

/* What the user gave of a server. */
#define ROW_GIVEN_COLUMNS "name, host, \"user\", port, identity, given_kind, labels"

/*
 * Of a benchmark: its value may be compared with those of other runs (store/history.h). An index is
 * of these rows, and is used where these words stand.
 */
#define ROW_VALUE_COUNTS                                                                           \
    "value IS NOT NULL AND verdict IN ('passed', 'failed') AND reason IS DISTINCT FROM "           \
    "'wrong-result'"

/*
 * Of one run, between two positions. The second column is the name, or the round; the round of a
 * benchmark is its last, as the labels of a server are.
 */
#define ROW_BETWEEN "run = ? AND position BETWEEN ? AND ?"
#define ROW_SELECT_SERVERS                                                                         \
    "SELECT position, name, " ROW_SERVER_COLUMNS ", labels FROM server WHERE " ROW_BETWEEN         \
    " ORDER BY position"
#define ROW_SELECT_BENCHMARKS                                                                      \
    "SELECT position, " ROW_BENCHMARK_COLUMNS " FROM benchmark WHERE " ROW_BETWEEN                 \
    " ORDER BY position, ordinal"
#define ROW_SELECT_PAST_SERVERS                                                                    \
    "SELECT position, round, " ROW_SERVER_COLUMNS " FROM past_server WHERE " ROW_BETWEEN           \
    " ORDER BY position, round"
#define ROW_SELECT_PAST_BENCHMARKS                                                                 \
    "SELECT position, " ROW_BENCHMARK_COLUMNS ", round FROM past_benchmark WHERE " ROW_BETWEEN     \
    " ORDER BY position, round, ordinal"

/*
 * For a run that begins, where the database would give it the number of the newest run again after
 * that was dropped, while rows are left of it.
 */
#define ROW_NEXT_RUN                                                                               \
    "1 + max(coalesce((SELECT max(number) FROM run), 0), "                                         \
    "coalesce((SELECT max(number) FROM dropped), 0))"

/* The text until the next step, NULL for NULL; and a copy, which the caller frees. */
int row_borrow_text(struct sql_stmt *stmt, int column, const char **ret,
                    struct error *err) must_use;
int row_read_text(struct sql_stmt *stmt, int column, char **ret, struct error *err) must_use;

/*
 * The same for what people are shown, made printable (base/text.h): as muster wrote it, it is, but
 * another program may have been there. A name must be there, or it is ERROR_STORE.
 */
int row_read_printable(struct sql_stmt *stmt, int column, char **ret, struct error *err) must_use;
int row_read_name(struct sql_stmt *stmt, int column, char **ret, struct error *err) must_use;

/* Those of ROW_GIVEN_COLUMNS, the first in `column`. Failing, *ret is to be freed as well. */
int row_read_given(struct sql_stmt *stmt, int column, struct server *ret,
                   struct error *err) must_use;

/* The verdict in `column` and the reason in the one after it. */
int row_read_verdict(struct sql_stmt *stmt, int column, enum verdict *verdict, enum reason *reason,
                     struct error *err) must_use;

void row_bind_server(struct sql_stmt *stmt, int64_t run, size_t position,
                     const struct server_result *r);
int row_bind_benchmark(struct sql_stmt *stmt, int64_t run, size_t position, size_t ordinal,
                       const struct benchmark_result *r, struct str *json,
                       struct error *err) must_use;

/*
 * Read the current row of the selects above. ERROR_STORE when it is not what was written; texts
 * come out printable even so. `pending` is the sentence for a server without a verdict.
 */
int row_read_server(struct sql_stmt *stmt, const char *pending, struct server_result *ret,
                    struct error *err) must_use;
int row_read_benchmark(struct sql_stmt *stmt, struct benchmark_result *ret,
                       struct error *err) must_use;
