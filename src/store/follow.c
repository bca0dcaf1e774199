/*
 * follow: a run that another process works on, seen as it goes.
 *
 * SQLite tells a connection by a number whether others have committed anything (PRAGMA
 * data_version), for the price of a look at memory that they share. Only then are rows read, and of
 * these the columns before the facts, which are most of a row.
 */
#include "store/database.h"
#include "store/rows.h"

#include <string.h>

static int exec(struct store *s, const char *sql, struct error *err) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_fail(s, err);
}

/* The row and the number of a statement that has one of each. */
static int read_int(struct store *s, sqlite3_stmt *stmt, int64_t *ret, bool *found,
                    struct error *err) {
    *found = sqlite3_step(stmt) == SQLITE_ROW;
    if (*found)
        *ret = sqlite3_column_int64(stmt, 0);
    return sqlite3_finalize(stmt) == SQLITE_OK ? 0 : database_fail(s, err);
}

int store_rest(struct store *s, struct error *err) {
    return sqlite3_get_autocommit(s->db) ? 0 : exec(s, "COMMIT", err);
}

int store_refresh(struct store *s, bool *changed, struct error *err) {
    sqlite3_stmt *stmt;
    int64_t version = 0;
    bool found;
    if (store_rest(s, err) < 0)
        return -1;
    if (sqlite3_prepare_v2(s->db, "PRAGMA data_version", -1, &stmt, NULL) != SQLITE_OK)
        return database_fail(s, err);
    if (read_int(s, stmt, &version, &found, err) < 0 || exec(s, "BEGIN", err) < 0)
        return -1;
    *changed = version != s->version;
    s->version = version;
    return 0;
}

int store_position(struct store *s, const char *run_id, const char *server, size_t *ret,
                   struct error *err) {
    sqlite3_stmt *stmt;
    int64_t run, position = 0;
    bool found;
    if (database_find_run(s, run_id, &run, err) < 0)
        return -1;
    if (sqlite3_prepare_v2(s->db, "SELECT position FROM server WHERE run = ? AND name = ?", -1,
                           &stmt, NULL) != SQLITE_OK)
        return database_fail(s, err);
    sqlite3_bind_int64(stmt, 1, run);
    row_text(stmt, 2, server);
    if (read_int(s, stmt, &position, &found, err) < 0)
        return -1;
    if (!found)
        return error_set(err, ERROR_USAGE, "the run %s has no server '%.100s'", run_id, server);
    *ret = (size_t)position;
    return 0;
}

/* NULL in the first column is no row of muster's, but of somebody who may write there too. */
static int read_progress(sqlite3_stmt *stmt, struct store_progress *p, struct error *err) {
    const char *state;
    *p = (struct store_progress){.position = (size_t)sqlite3_column_int64(stmt, 0)};
    if (row_borrow_text(stmt, 1, &state, err) < 0)
        return -1;
    if (state && strcmp(state, "done") == 0 && sqlite3_column_type(stmt, 2) != SQLITE_NULL) {
        p->state = STORE_DONE;
        p->seconds = sqlite3_column_double(stmt, 4);
        return row_read_verdict(stmt, 2, &p->verdict, &p->reason, err);
    }
    p->state = state && strcmp(state, "claimed") == 0 ? STORE_CLAIMED : STORE_PENDING;
    return 0;
}

int store_each_progress(struct store *s, const char *run_id, store_progress_fn *each, void *arg,
                        struct error *err) {
    sqlite3_stmt *stmt;
    int64_t run;
    if (database_find_run(s, run_id, &run, err) < 0)
        return -1;
    if (sqlite3_prepare_v2(s->db,
                           "SELECT position, state, verdict, reason, seconds FROM server "
                           "WHERE run = ? ORDER BY position",
                           -1, &stmt, NULL) != SQLITE_OK)
        return database_fail(s, err);
    sqlite3_bind_int64(stmt, 1, run);
    int rc = 0;
    while (rc == 0 && sqlite3_step(stmt) == SQLITE_ROW) {
        struct store_progress p;
        rc = read_progress(stmt, &p, err) < 0 ? -1 : each(arg, &p, err);
    }
    return sqlite3_finalize(stmt) != SQLITE_OK && rc == 0 ? database_fail(s, err) : rc;
}
