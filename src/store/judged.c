/*
 * judged: what judging a run as a whole came to, in one transaction: either all of it is on disk,
 * or the run is one that was not judged yet.
 */
#include "store/database.h"

#include "store/rows.h"
#include "store/shared.h"

static int write_server(struct store *s, int64_t run, const struct store_judged *j,
                        struct error *err) {
    struct sql_stmt *stmt = database_use(s, JUDGE_SERVER, err);
    if (!stmt)
        return -1;
    sql_bind_text(stmt, 1, verdict_name(j->verdict));
    sql_bind_text(stmt, 2, reason_name(j->reason));
    sql_bind_text(stmt, 3, j->detail);
    sql_bind_text(stmt, 4, j->findings);
    sql_bind_text(stmt, 5, j->why);
    sql_bind_int(stmt, 6, run);
    sql_bind_int(stmt, 7, (int64_t)j->position);
    return database_run(s, stmt, err);
}

/* Where counts are each worker's own, the run has them in sum from now on. */
static int write_shared_run(struct store *s, int64_t number, const struct run *run,
                            const char *notes, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_JUDGE, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, (int64_t)run->passed);
    sql_bind_int(stmt, 2, (int64_t)run->failed);
    sql_bind_int(stmt, 3, (int64_t)run->errors);
    sql_bind_text(stmt, 4, notes);
    sql_bind_double(stmt, 5, run->seconds);
    sql_bind_int(stmt, 6, number);
    return database_run(s, stmt, err) < 0 ? -1 : database_run_on(s, SHARED_COUNTED, number, err);
}

static int write_run(struct store *s, int64_t number, const struct run *run, const char *notes,
                     struct error *err) {
    if (store_is_shared(s))
        return write_shared_run(s, number, run, notes, err);
    struct sql_stmt *stmt = database_use(s, JUDGE_RUN, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, (int64_t)run->passed);
    sql_bind_int(stmt, 2, (int64_t)run->failed);
    sql_bind_text(stmt, 3, notes);
    sql_bind_int(stmt, 4, number);
    return database_run(s, stmt, err);
}

/* Whether a statement about the run gives 1, or -1. */
static int is_true(struct store *s, enum statement which, int64_t number, struct error *err) {
    struct sql_stmt *stmt = database_use(s, which, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, number);
    bool ret = sql_step(stmt) == SQL_ROW && sql_column_int(stmt, 0) == 1;
    return sql_reset(stmt) == 0 ? ret : database_fail(s, err);
}

/* Whether somebody else has judged the run, or opened it again; nobody does it until the end of the
 * transaction. */
static int is_overtaken(struct store *s, int64_t number, struct error *err) {
    int judged = is_true(s, SHARED_LOCK_RUN, number, err);
    if (judged != 0)
        return judged;
    int done = is_true(s, SHARED_IS_DONE, number, err);
    return done < 0 ? -1 : !done;
}

/* Returns 1 when there is nothing to write any more. */
static int write_all(struct store *s, const struct run *run, const struct store_judged *judged,
                     size_t n, const char *notes, struct error *err) {
    int64_t number;
    if (database_find_run(s, run->id, &number, err) < 0)
        return -1;
    int overtaken = store_is_shared(s) ? is_overtaken(s, number, err) : 0;
    if (overtaken)
        return overtaken;
    for (size_t i = 0; i < n; i++)
        if (write_server(s, number, &judged[i], err) < 0)
            return -1;
    return write_run(s, number, run, notes, err);
}

int store_judge(struct store *s, const struct run *run, const struct store_judged *judged, size_t n,
                const char *notes, struct error *err) {
    int rc, tries = 0;
    do {
        rc = database_begin(s, err) < 0 ? -1 : write_all(s, run, judged, n, notes, err);
        if (database_end(s, rc < 0 ? -1 : 0, err) < 0)
            rc = -1;
    } while (rc < 0 && database_try_again(&tries, err));
    if (rc >= 0 && store_is_shared(s) && shared_judged(s, err) < 0)
        return -1;
    return rc;
}

int store_notes(struct store *s, const char *run_id, char **ret, struct error *err) {
    int64_t number;
    *ret = NULL;
    if (database_find_run(s, run_id, &number, err) < 0)
        return -1;
    struct sql_stmt *stmt = database_use(s, FIND_NOTES, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, number);
    int rc = 0;
    if (sql_step(stmt) == SQL_ROW)
        rc = row_read_printable(stmt, 0, ret, err);
    return sql_reset(stmt) < 0 && rc == 0 ? database_fail(s, err) : rc;
}
