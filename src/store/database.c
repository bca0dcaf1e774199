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
                "config, folder) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [FIND_RUN] = "SELECT number FROM run WHERE id = ?",
    [ADD_SERVER] = "INSERT INTO server (run, position, name, host, user, port, identity, "
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
                   "stopped = CASE WHEN ?1 IS NULL THEN stopped END "
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
    [PUT_BASELINE] = "INSERT OR REPLACE INTO baseline (kind, benchmark, metric, unit, better, "
                     "median, scale, count, run, taken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [DROP_BASELINES] = "DELETE FROM baseline WHERE ?1 IS NULL OR kind = ?1",
};

/* What to do about an error of SQLite's. */
static const char *remedy(int code) {
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ": make room; what was measured is kept, and `muster resume` does the rest";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ": another process is writing to it; try again when that is done";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return ": may you write to it and to its folder?";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ": it is damaged; `sqlite3 STORE .recover` saves what can be read";
    default:
        return "";
    }
}

int database_fail(const struct store *s, struct error *err) {
    int code = sqlite3_extended_errcode(s->db);
    error_set(err, ERROR_STORE, "the store %s: %s%s", s->path, sqlite3_errmsg(s->db), remedy(code));
    if (code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
        err->os = ENOMEM;
    return -1;
}

bool database_try_again(int *tries, const struct error *err) {
    if (err->os != ENOMEM || ++*tries == MEMORY_TRIES)
        return false;
    struct timespec pause = deadline_timespec(MEMORY_PAUSE << *tries);
    nanosleep(&pause, NULL);
    return true;
}

sqlite3_stmt *database_use(struct store *s, enum statement which, struct error *err) {
    sqlite3_stmt **stmt = &s->statements[which];
    if (!*stmt && sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, stmt,
                                     NULL) != SQLITE_OK)
        database_fail(s, err);
    return *stmt;
}

int database_run(struct store *s, sqlite3_stmt *stmt, struct error *err) {
    sqlite3_step(stmt);
    return sqlite3_reset(stmt) == SQLITE_OK ? 0 : database_fail(s, err);
}

int database_run_on(struct store *s, enum statement which, int64_t run, struct error *err) {
    sqlite3_stmt *stmt = database_use(s, which, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    return database_run(s, stmt, err);
}

int database_begin(struct store *s, struct error *err) {
    if (!sqlite3_get_autocommit(s->db)) /* there was no memory to undo the one before */
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : database_fail(s, err);
}

/* A file that was removed takes writes as before, and nobody will ever read them. */
static bool was_removed(const struct store *s) {
    int moved = 0;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved;
}

int database_end(struct store *s, int rc, struct error *err) {
    if (rc == 0 && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        rc = database_fail(s, err);
    if (rc < 0)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    else if (was_removed(s))
        rc = error_set(err, ERROR_STORE, "the store %s was removed while it was in use", s->path);
    return rc;
}

int database_find_run(struct store *s, const char *run_id, int64_t *ret, struct error *err) {
    sqlite3_stmt *stmt = database_use(s, FIND_RUN, err);
    if (!stmt)
        return -1;
    row_text(stmt, 1, run_id);
    bool found = sqlite3_step(stmt) == SQLITE_ROW;
    if (found)
        *ret = sqlite3_column_int64(stmt, 0);
    if (sqlite3_reset(stmt) != SQLITE_OK)
        return database_fail(s, err);
    return found ? 0
                 : error_set(err, ERROR_STORE, "the store %s has lost the run %s", s->path, run_id);
}
