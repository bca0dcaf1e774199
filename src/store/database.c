/* database: see database.h. A statement is made when it is first needed, and kept. */
#include "store/database.h"

#include "base/clock.h"
#include "store/rows.h"

#include <errno.h>
#include <stdbool.h>

#define MEMORY_TRIES 5 /* within 0.6 s: */
#define MEMORY_PAUSE (20 * CLOCK_MS)

#define NOT_PASSED                                                                                 \
    "SELECT position FROM server WHERE run = ?1 AND state = 'done' AND verdict <> 'passed'"

static const char *const sql[STATEMENT_COUNT] = {
    [ADD_RUN] = "INSERT INTO run (id, started, fanout, threshold, total, options, config_path, "
                "config, folder) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
    [FIND_RUN] = "SELECT number FROM run WHERE id = ?",
    [ADD_SERVER] = "INSERT INTO server (run, position, name, host, \"user\", port, identity, "
                   "given_kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [FIND_PENDING] = "SELECT position FROM server WHERE run = ? AND position >= ? AND "
                     "state = 'pending' ORDER BY position LIMIT ?",
    /* those of an earlier turn of a server that is claimed again */
    [DROP_BENCHMARKS] = "DELETE FROM benchmark WHERE run = ?1 AND position BETWEEN ?2 AND ?3 AND "
                        "(SELECT state FROM server WHERE server.run = ?1 AND "
                        "server.position = benchmark.position) = 'pending'",
    [CLAIM] = "UPDATE server SET state = 'claimed' WHERE run = ? AND position BETWEEN ? AND ? AND "
              "state = 'pending'",
    [FINISH_SERVER] = "UPDATE server SET state = ?, verdict = ?, reason = ?, detail = ?, "
                      "attempts = ?, seconds = ?, facts = ?, kind = ?, machine = ?, findings = ?, "
                      "why = ? WHERE run = ? AND position = ?",
    [ADD_BENCHMARK] = "INSERT INTO benchmark (run, position, ordinal, " ROW_BENCHMARK_COLUMNS ") "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [COUNT_UP] = "UPDATE run SET passed = passed + ?, failed = failed + ?, errors = errors + ?, "
                 "seconds = ?, judged = 0 WHERE number = ?",
    [UNCLAIM] = "UPDATE server SET state = 'pending' WHERE run = ? AND state = 'claimed'",
    [END_RUN] = "UPDATE run SET seconds = ?, stopped = ? WHERE number = ?",
    [SET_HOLDER] = "UPDATE run SET holder_pid = ?, holder_host = ?, holder_since = ?, "
                   "stopped = CASE WHEN CAST(?1 AS BIGINT) IS NULL THEN stopped END "
                   "WHERE number = ?",
    [PAST_SERVERS] =
        "INSERT INTO past_server (run, position, round, " ROW_SERVER_COLUMNS ") "
        "SELECT run, position, 1 + (SELECT count(*) FROM past_server AS p WHERE p.run = s.run AND "
        "p.position = s.position), " ROW_SERVER_COLUMNS " FROM server AS s WHERE run = ? AND "
        "state = 'done' AND verdict <> 'passed'",
    /* after the servers' own: a server's latest round is the one that goes */
    [PAST_BENCHMARKS] =
        "INSERT INTO past_benchmark (run, position, round, ordinal, " ROW_BENCHMARK_COLUMNS ") "
        "SELECT run, position, (SELECT max(round) FROM past_server AS p WHERE p.run = b.run AND "
        "p.position = b.position), ordinal, " ROW_BENCHMARK_COLUMNS " FROM benchmark AS b "
        "WHERE run = ?1 AND position IN (" NOT_PASSED ")",
    [DROP_PAST] = "DELETE FROM benchmark WHERE run = ?1 AND position IN (" NOT_PASSED ")",
    [REOPEN_SERVERS] = "UPDATE server SET state = 'pending', verdict = NULL, reason = NULL, "
                       "detail = NULL, attempts = NULL, seconds = NULL, facts = NULL, kind = NULL, "
                       "machine = NULL, findings = NULL, why = NULL "
                       "WHERE run = ? AND state = 'done' AND verdict <> 'passed'",
    [REOPEN_RUN] = "UPDATE run SET failed = 0, errors = 0, judged = 0 WHERE number = ?",
    [JUDGE_SERVER] = "UPDATE server SET verdict = ?, reason = ?, detail = ?, findings = ?, why = ? "
                     "WHERE run = ? AND position = ? AND state = 'done'",
    [JUDGE_RUN] = "UPDATE run SET passed = ?, failed = ?, notes = ?, judged = 1 WHERE number = ?",
    [FIND_NOTES] = "SELECT notes FROM run WHERE number = ?",
    [PUT_BASELINE] = "INSERT INTO baseline (kind, benchmark, metric, unit, better, median, scale, "
                     "count, run, taken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT (kind, benchmark, metric) DO UPDATE SET unit = excluded.unit, "
                     "better = excluded.better, median = excluded.median, scale = excluded.scale, "
                     "count = excluded.count, run = excluded.run, taken = excluded.taken",
    [DROP_BASELINES] = "DELETE FROM baseline WHERE CAST(?1 AS TEXT) IS NULL OR kind = ?1",
};

int database_fail(const struct store *s, struct error *err) {
    return sql_fail(s->db, err);
}

bool database_try_again(int *tries, const struct error *err) {
    if (err->os != ENOMEM || ++*tries == MEMORY_TRIES)
        return false;
    struct timespec pause = deadline_timespec(MEMORY_PAUSE << *tries);
    nanosleep(&pause, NULL);
    return true;
}

int database_prepare(struct store *s, const char *text, struct sql_stmt **ret, struct error *err) {
    return sql_prepare(s->db, text, ret) < 0 ? database_fail(s, err) : 0;
}

int database_prepare_walk(struct store *s, const char *text, struct sql_stmt **ret,
                          struct error *err) {
    return sql_prepare_walk(s->db, text, ret) < 0 ? database_fail(s, err) : 0;
}

int database_finalize(struct store *s, struct sql_stmt *stmt, int rc, struct error *err) {
    return sql_finalize(stmt) < 0 && rc >= 0 ? database_fail(s, err) : rc;
}

struct sql_stmt *database_use(struct store *s, enum statement which, struct error *err) {
    struct sql_stmt **stmt = &s->statements[which];
    return *stmt || database_prepare(s, sql[which], stmt, err) == 0 ? *stmt : NULL;
}

int database_run(struct store *s, struct sql_stmt *stmt, struct error *err) {
    sql_step(stmt);
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

int database_run_on(struct store *s, enum statement which, int64_t run, struct error *err) {
    struct sql_stmt *stmt = database_use(s, which, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    return database_run(s, stmt, err);
}

int database_begin(struct store *s, struct error *err) {
    return sql_begin(s->db, true) == 0 ? 0 : database_fail(s, err);
}

int database_end(struct store *s, int rc, struct error *err) {
    if (rc == 0 && sql_commit(s->db) < 0)
        rc = database_fail(s, err);
    if (rc < 0)
        sql_rollback(s->db);
    return rc;
}

int database_find_run(struct store *s, const char *run_id, int64_t *ret, struct error *err) {
    struct sql_stmt *stmt = database_use(s, FIND_RUN, err);
    if (!stmt)
        return -1;
    sql_bind_text(stmt, 1, run_id);
    bool found = sql_step(stmt) == SQL_ROW;
    if (found)
        *ret = sql_column_int(stmt, 0);
    if (sql_reset(stmt) < 0)
        return database_fail(s, err);
    return found ? 0
                 : error_set(err, ERROR_STORE, "the store %s has lost the run %s", s->db->name,
                             run_id);
}
