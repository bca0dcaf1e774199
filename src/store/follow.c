/*
 * follow: a run that another process works on, seen as it goes.
 *
 * The database tells by a number whether others have committed anything (sql_version()), for next
 * to nothing. Only then are rows read, and of these the columns before the facts, which are most of
 * a row.
 */
#include "store/database.h"
#include "store/rows.h"

#include <string.h>

int store_rest(struct store *s, struct error *err) {
    return sql_in_transaction(s->db) && sql_commit(s->db) < 0 ? database_fail(s, err) : 0;
}

int store_refresh(struct store *s, bool *changed, struct error *err) {
    int64_t version = 0;
    if (store_rest(s, err) < 0)
        return -1;
    if (sql_version(s->db, &version) < 0 || sql_begin(s->db, false) < 0)
        return database_fail(s, err);
    *changed = version != s->version;
    s->version = version;
    return 0;
}

int store_position(struct store *s, const char *run_id, const char *server, size_t *ret,
                   struct error *err) {
    struct sql_stmt *stmt;
    int64_t run, position = 0;
    if (database_find_run(s, run_id, &run, err) < 0 ||
        database_prepare(s, "SELECT position FROM server WHERE run = ? AND name = ?", &stmt, err) <
            0)
        return -1;
    sql_bind_int(stmt, 1, run);
    sql_bind_text(stmt, 2, server);
    bool found = sql_step(stmt) == SQL_ROW;
    if (found)
        position = sql_column_int(stmt, 0);
    if (database_finalize(s, stmt, 0, err) < 0)
        return -1;
    if (!found)
        return error_set(err, ERROR_USAGE, "the run %s has no server '%.100s'", run_id, server);
    *ret = (size_t)position;
    return 0;
}

/* NULL in the first column is no row of muster's, but of somebody who may write there too. */
static int read_progress(struct sql_stmt *stmt, struct store_progress *p, struct error *err) {
    const char *state;
    *p = (struct store_progress){.position = (size_t)sql_column_int(stmt, 0)};
    if (row_borrow_text(stmt, 1, &state, err) < 0)
        return -1;
    if (state && strcmp(state, "done") == 0 && sql_column_type(stmt, 2) != SQL_NULL) {
        p->state = STORE_DONE;
        p->seconds = sql_column_double(stmt, 4);
        return row_read_verdict(stmt, 2, &p->verdict, &p->reason, err);
    }
    p->state = state && strcmp(state, "claimed") == 0 ? STORE_CLAIMED : STORE_PENDING;
    return 0;
}

int store_each_progress(struct store *s, const char *run_id, store_progress_fn *each, void *arg,
                        struct error *err) {
    struct sql_stmt *stmt;
    int64_t run;
    if (database_find_run(s, run_id, &run, err) < 0 ||
        database_prepare_walk(s,
                              "SELECT position, state, verdict, reason, seconds FROM server "
                              "WHERE run = ? ORDER BY position",
                              &stmt, err) < 0)
        return -1;
    sql_bind_int(stmt, 1, run);
    int rc = 0;
    while (rc == 0 && sql_step(stmt) == SQL_ROW) {
        struct store_progress p;
        rc = read_progress(stmt, &p, err) < 0 ? -1 : each(arg, &p, err);
    }
    return database_finalize(s, stmt, rc, err);
}
