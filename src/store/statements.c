/*
 * statements: what the store asks of its database; see store/sql.h for the form. Those of SHARED_
 * are PostgreSQL's alone.
 */
#include "store/database.h"

#include "store/claimed.h"
#include "store/rows.h"

/* of advisory locks, "mstr"; the other half is the number of a run */
#define LOCK_CLASS "1836282994"
#define LOG_LOCK_CLASS "1836280935" /* "mslg" */

#define AND_MAY_TAKE " AND (CAST(?3 AS text) IS NULL OR site IS NULL OR site = ?3)"
/*
 * No run that somebody works on has the server in hand, which two would measure together; simulated
 * ones are no machines. NOT IN makes a hash of what is in hand, by its index; with EXISTS the
 * planner would read all servers where new rows are not analyzed.
 */
#define AND_IS_FREE                                                                                \
    " AND name NOT IN (SELECT o.name FROM server AS o WHERE o.state = 'claimed' AND "              \
    "o.run = ANY(ARRAY(SELECT w.run FROM worker AS w JOIN run AS r ON r.number = w.run WHERE "     \
    "w.run <> ?1 AND r.options NOT LIKE '%\"--simulate%')))"
/* The rows are found once, and locked, so that where they lie is where they are changed. */
#define CLAIM(from)                                                                                \
    "UPDATE server SET state = 'claimed', holder = ?5, claim = claim + 1 WHERE ctid = ANY(ARRAY("  \
    "SELECT server.ctid " from " FOR UPDATE OF server SKIP LOCKED)) AND "                          \
    "(SELECT closed FROM run WHERE number = ?1) = 0 "                                              \
    "RETURNING " CLAIMED_COLUMNS ", claim, verdict IS NOT NULL"
#define REOPEN(more)                                                                               \
    "UPDATE server SET state = 'pending', verdict = NULL, reason = NULL, detail = NULL, "          \
    "attempts = NULL, seconds = NULL, facts = NULL, kind = NULL, machine = NULL, "                 \
    "findings = NULL, why = NULL" more " WHERE run = ? AND state = 'done' AND verdict <> 'passed'"
#define ADD_RUN(column, value)                                                                     \
    "INSERT INTO run (" column "id, started, fanout, threshold, total, options, config_path, "     \
    "config, folder) VALUES (" value "?, ?, ?, ?, ?, ?, ?, ?, ?) "                                 \
    "ON CONFLICT (id) DO NOTHING RETURNING number"
#define TALLIED(what) "(SELECT CAST(sum(" what ") AS bigint) FROM tally WHERE tally.run = number)"
#define NOT_PASSED                                                                                 \
    "SELECT position FROM server WHERE run = ?1 AND state = 'done' AND verdict <> 'passed'"

const char *const statements[STATEMENT_COUNT] = {
    [ADD_RUN] = ADD_RUN("number, ", ROW_NEXT_RUN ", "),
    [SHARED_ADD_RUN] = ADD_RUN("", ""),
    [FIND_RUN] = "SELECT number FROM run WHERE id = ?",
    [ADD_SERVER] = "INSERT INTO server (run, position, name, host, \"user\", port, identity, "
                   "given_kind, site, labels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [FIND_PENDING] = "SELECT position FROM server WHERE run = ? AND position >= ? AND "
                     "state = 'pending' ORDER BY position LIMIT ?",
    /* those of an earlier turn of a server that is claimed again */
    [DROP_BENCHMARKS] = "DELETE FROM benchmark WHERE run = ?1 AND position BETWEEN ?2 AND ?3 AND "
                        "(SELECT state FROM server WHERE server.run = ?1 AND "
                        "server.position = benchmark.position) = 'pending'",
    [CLAIM] = "UPDATE server SET state = 'claimed' WHERE run = ? AND position BETWEEN ? AND ? AND "
              "state = 'pending' RETURNING " CLAIMED_COLUMNS,
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
    [REOPEN_SERVERS] = REOPEN(""),
    [REOPEN_RUN] = "UPDATE run SET failed = 0, errors = 0, judged = 0 WHERE number = ?",
    [JUDGE_SERVER] = "UPDATE server SET verdict = ?, reason = ?, detail = ?, findings = ?, why = ? "
                     "WHERE run = ? AND position = ? AND state = 'done'",
    [JUDGE_RUN] = "UPDATE run SET passed = ?, failed = ?, notes = ?, judged = 1 WHERE number = ?",
    [FIND_NOTES] = "SELECT notes FROM run WHERE number = ?",
    [PLACES_PENDING] =
        "SELECT position, labels FROM server WHERE run = ?1 AND state = 'pending' AND "
        "(CAST(?2 AS TEXT) IS NULL OR site IS NULL OR site = ?2) ORDER BY position",
    [PLACES_CLAIMED] = "SELECT run, labels, count(*) FROM server WHERE state = 'claimed' AND "
                       "labels IS NOT NULL GROUP BY run, labels",
    [PLACES_RUN] = "SELECT id FROM run WHERE number = ?",
    [PUT_BASELINE] = "INSERT INTO baseline (kind, benchmark, metric, unit, better, median, scale, "
                     "count, run, taken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT (kind, benchmark, metric) DO UPDATE SET unit = excluded.unit, "
                     "better = excluded.better, median = excluded.median, scale = excluded.scale, "
                     "count = excluded.count, run = excluded.run, taken = excluded.taken",
    [DROP_BASELINES] = "DELETE FROM baseline WHERE CAST(?1 AS TEXT) IS NULL OR kind = ?1",

    [DROPPED_RUNS] = "SELECT number, id FROM dropped WHERE number > ? ORDER BY number LIMIT 1",
    [DROP_RUN] = "INSERT INTO dropped (number, id) SELECT number, id FROM run WHERE number = ?",
    [DROP_RUN_ROW] = "DELETE FROM run WHERE number = ?",
    [RESERVE_RUN] =
        "INSERT INTO dropped (number, id) VALUES (" ROW_NEXT_RUN ", ?) RETURNING number",
    [DROP_END] = "DELETE FROM dropped WHERE number = ? AND id = ?",

    [SHARED_RENEW] = "UPDATE worker SET lease_until = now() + make_interval(secs => ?), run = ?, "
                     "draining = ? WHERE number = ? AND lease_until > now()",
    [SHARED_JOIN] = "INSERT INTO worker (host, pid, site, fanout, started, run, lease_until) "
                    "VALUES (?, ?, ?, ?, ?, ?, now() + make_interval(secs => ?)) RETURNING number",
    [SHARED_ADOPT] =
        "UPDATE server AS s SET state = 'claimed', holder = ? "
        "FROM jsonb_to_recordset(CAST(? AS jsonb)) AS mine(p bigint, c bigint) "
        "WHERE s.run = ? AND s.position = mine.p AND s.claim = mine.c AND s.state <> 'done'",
    [SHARED_LEAVE] = "DELETE FROM worker WHERE number = ?",
    [SHARED_REAP] =
        "UPDATE server SET state = 'pending' WHERE (run, position) IN (SELECT run, position "
        "FROM server AS s WHERE state = 'claimed' AND NOT EXISTS (SELECT 1 FROM worker AS w "
        "WHERE w.number = s.holder AND w.lease_until > now()) FOR UPDATE OF s SKIP LOCKED)",
    [SHARED_FORGET_DEAD] =
        "DELETE FROM worker WHERE lease_until < now() - make_interval(secs => ?)",
    [SHARED_ACCEPT] =
        "SELECT mine.i, s.state = 'done', s.state <> 'done' AND s.verdict IS NOT NULL "
        "FROM jsonb_to_recordset(CAST(? AS jsonb)) AS mine(i bigint, p bigint, c bigint) "
        "JOIN server AS s ON s.run = ? AND s.position = mine.p AND s.claim = mine.c "
        "ORDER BY s.position FOR UPDATE OF s",
    [SHARED_COUNT] = "INSERT INTO tally AS t (run, worker, passed, failed, errors, seconds) "
                     "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run, worker) DO UPDATE SET "
                     "passed = t.passed + excluded.passed, failed = t.failed + excluded.failed, "
                     "errors = t.errors + excluded.errors, seconds = excluded.seconds",
    [SHARED_CLAIM] =
        CLAIM("FROM server WHERE run = ?1 AND state = 'pending' AND position >= ?2" AND_MAY_TAKE
                  AND_IS_FREE " ORDER BY position LIMIT ?4"),
    [SHARED_CLAIM_THESE] = CLAIM(
        "FROM server JOIN jsonb_array_elements_text(CAST(?2 AS jsonb)) "
        "WITH ORDINALITY AS wanted(p, nth) ON position = CAST(p AS bigint) "
        "WHERE run = ?1 AND state = 'pending'" AND_MAY_TAKE AND_IS_FREE " ORDER BY nth LIMIT ?4"),
    [SHARED_IS_LEFT] = "SELECT 1 FROM server WHERE run = ?1 AND state = 'pending' AND "
                       "(CAST(?2 AS text) IS NULL OR site IS NULL OR site = ?2) AND "
                       "(SELECT closed FROM run WHERE number = ?1) = 0 LIMIT 1",
    /* no run has the number 0 */
    [SHARED_LOCK_PLACES] = "SELECT pg_advisory_xact_lock(" LOCK_CLASS ", 0)",
    [SHARED_DROP_PARTS] =
        "DELETE FROM benchmark WHERE run = ? AND position IN (SELECT CAST(value AS bigint) "
        "FROM jsonb_array_elements_text(CAST(? AS jsonb)))",
    [SHARED_NOTIFY] = "SELECT pg_notify('muster', '')",
    /* first of all: what is asked after it sees what those have written who had the lock before */
    [SHARED_LOCK_RUN] = "SELECT judged FROM run WHERE number = ? FOR UPDATE",
    /* so that no result comes between statements: each is counted there in its transaction */
    [SHARED_LOCK_TALLY] = "LOCK TABLE tally IN EXCLUSIVE MODE",
    /* the row counts what was before, tallies what comes from now on */
    [SHARED_REOPEN] = "UPDATE run SET closed = 0, judged = 0, stopped = NULL, "
                      "passed = passed + coalesce(" TALLIED(
                          "passed") ", 0), "
                                    "failed = failed + coalesce(" TALLIED(
                                        "failed") ", 0), "
                                                  "errors = errors + coalesce(" TALLIED(
                                                      "errors") ", 0) WHERE number = ?",
    [SHARED_REOPEN_COUNTS] = "UPDATE tally SET passed = 0, failed = 0, errors = 0 WHERE run = ?",
    /* who has measured one of them, and does not know that it is in the store, is refused */
    [SHARED_REOPEN_SERVERS] = REOPEN(", claim = claim + 1"),
    [SHARED_END] = "UPDATE run SET seconds = greatest(seconds, ?), stopped = coalesce(?, stopped) "
                   "WHERE number = ?",
    [SHARED_STOP] = "UPDATE run SET closed = 1, stopped = ? WHERE number = ?",
    [SHARED_IS_DONE] =
        "SELECT NOT EXISTS (SELECT 1 FROM server WHERE run = ?1 AND state = 'pending') AND "
        "NOT EXISTS (SELECT 1 FROM server WHERE run = ?1 AND state = 'claimed')",
    [SHARED_JUDGE] = "UPDATE run SET passed = ?, failed = ?, errors = ?, notes = ?, judged = 1, "
                     "seconds = greatest(seconds, ?) WHERE number = ?",
    [SHARED_COUNTED] = "DELETE FROM tally WHERE run = ?",
    /* no EXISTS: before new rows are analyzed, it would have a plan that reads all of them */
    [SHARED_FIND_WORK] =
        "SELECT id FROM run AS r WHERE closed = 0 AND (CAST(?1 AS text) IS NULL OR id = ?1) AND "
        "(CAST(?3 AS text) IS NULL OR id <> ALL (string_to_array(?3, ' '))) AND "
        "((SELECT 1 FROM server AS s WHERE s.run = r.number AND s.state = 'pending' AND "
        "(CAST(?2 AS text) IS NULL OR s.site IS NULL OR s.site = ?2) LIMIT 1) = 1 OR "
        "(judged = 0 AND (SELECT 1 FROM server AS s WHERE s.run = r.number AND "
        "s.state = 'pending' LIMIT 1) IS NULL AND (SELECT 1 FROM server AS s WHERE "
        "s.run = r.number AND s.state = 'claimed' LIMIT 1) IS NULL)) "
        "ORDER BY number LIMIT 1",
    /* a run of which all is done is judged by one of those who are there */
    [SHARED_MAY_COME] =
        "SELECT EXISTS (SELECT 1 FROM run AS r WHERE closed = 0 AND (CAST(?1 AS text) IS NULL OR "
        "id = ?1) AND (EXISTS (SELECT 1 FROM server AS s WHERE s.run = r.number AND "
        "s.state = 'claimed' AND (CAST(?2 AS text) IS NULL OR s.site IS NULL OR s.site = ?2)) OR "
        "(judged = 0 AND NOT EXISTS (SELECT 1 FROM server AS s WHERE s.run = r.number AND "
        "s.state IN ('pending', 'claimed')))))",
    [SHARED_MAY_JUDGE] = "SELECT pg_try_advisory_lock(" LOCK_CLASS ", CAST(? AS integer))",
    [SHARED_IS_JUDGED] = "SELECT judged = 1 FROM run WHERE number = ?",
    [SHARED_JUDGED] = "SELECT pg_advisory_unlock(" LOCK_CLASS ", CAST(? AS integer))",
    [SHARED_WORKERS] =
        "SELECT w.number, w.host, w.site, r.id, w.pid, w.started, w.fanout, (SELECT count(*) "
        "FROM server AS s WHERE s.state = 'claimed' AND s.holder = w.number), "
        "CAST(extract(epoch FROM w.lease_until - now()) AS double precision) "
        "FROM worker AS w LEFT JOIN run AS r ON r.number = w.run ORDER BY w.number",
    [SHARED_SITES] =
        "SELECT coalesce(s.site, ''), count(*) FILTER (WHERE s.state = 'pending'), "
        "count(*) FILTER (WHERE s.state = 'claimed'), (SELECT count(DISTINCT (host, pid, started)) "
        "FROM worker AS w WHERE w.lease_until > now() AND (w.site IS NULL OR s.site IS NULL OR "
        "w.site = s.site)) "
        "FROM server AS s WHERE s.run = ? AND s.state IN ('pending', 'claimed') "
        "GROUP BY s.site ORDER BY 1",
    [SHARED_UNCLAIM] = "UPDATE server SET state = 'pending', holder = NULL "
                       "WHERE run = ? AND holder = ? AND state = 'claimed'",
    [SHARED_IS_BUSY] =
        "SELECT EXISTS (SELECT 1 FROM worker AS w WHERE w.lease_until > now() AND (w.run = ?1 OR "
        "EXISTS (SELECT 1 FROM server AS s WHERE s.holder = w.number AND s.run = ?1 AND "
        "s.state = 'claimed')))",
    [SHARED_DROP_LOCK] = "SELECT pg_advisory_xact_lock(" LOG_LOCK_CLASS ", CAST(? AS integer))",
    [SHARED_DROP_FILES] = "DELETE FROM log_file WHERE run = ?",
    [SHARED_LOG_BEGIN] =
        "SELECT pg_try_advisory_xact_lock(" LOG_LOCK_CLASS ", CAST(?1 AS integer)), f.number, "
        "f.carried FROM (VALUES (1)) AS one LEFT JOIN log_file AS f ON f.name = ?2",
    [SHARED_LOG_FILE] =
        "INSERT INTO log_file (run, name, worker) SELECT number, CAST(?2 AS text), "
        "CAST(?3 AS text) FROM run WHERE number = ?1 FOR KEY SHARE RETURNING number",
    [SHARED_LOG_LINES] =
        "INSERT INTO log (run, place, file, at, level, server, line) SELECT CAST(?1 AS bigint), "
        "(SELECT coalesce(max(place), 0) FROM log WHERE run = ?1) + nth, CAST(?2 AS bigint), "
        "CAST(new.at AS bigint), new.level, new.server, new.line "
        "FROM unnest(string_to_array(?3, chr(10)), string_to_array(?4, chr(10)), "
        "string_to_array(?5, chr(10), ''), string_to_array(?6, chr(10))) "
        "WITH ORDINALITY AS new(at, level, server, line, nth)",
    [SHARED_LOG_CARRIED] = "UPDATE log_file SET carried = ? WHERE number = ?",
};
