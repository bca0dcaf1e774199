/* database: see database.h. A statement is made when it is first needed, and kept. */
#include "store/database.h"

#include "base/clock.h"
#include "store/crew.h"
#include "store/rows.h"

#include <errno.h>
#include <stdbool.h>

#define MEMORY_TRIES 5 /* within 0.6 s: */
#define MEMORY_PAUSE (20 * CLOCK_MS)

int database_fail(struct store *s, struct error *err) {
    sql_fail(s->db, err);
    if (err->os == ECONNRESET && s->crew.number) {
        if (!s->crew.former) /* else this number is of a transaction that came to nothing */
            s->crew.former = s->crew.number;
        s->crew.number = 0;
    }
    return -1;
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
    bool bulk = which == ADD_SERVER || which == ADD_BENCHMARK;
    if (!*stmt && (bulk ? sql_prepare_bulk(s->db, statements[which], stmt)
                        : sql_prepare(s->db, statements[which], stmt)) < 0)
        database_fail(s, err);
    return *stmt;
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

int database_read(struct store *s, bool *begun, struct error *err) {
    *begun = store_is_shared(s) && !sql_in_transaction(s->db);
    return *begun && sql_begin(s->db, false) < 0 ? database_fail(s, err) : 0;
}

int database_read_end(struct store *s, bool begun, int rc, struct error *err) {
    if (begun && rc < 0)
        sql_rollback(s->db);
    else if (begun && sql_commit(s->db) < 0)
        rc = database_fail(s, err);
    return rc;
}

int database_seek_run(struct store *s, const char *run_id, int64_t *ret, struct error *err) {
    struct sql_stmt *stmt = database_use(s, FIND_RUN, err);
    if (!stmt)
        return -1;
    sql_bind_text(stmt, 1, run_id);
    *ret = sql_step(stmt) == SQL_ROW ? sql_column_int(stmt, 0) : 0;
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

int database_find_run(struct store *s, const char *run_id, int64_t *ret, struct error *err) {
    if (database_seek_run(s, run_id, ret, err) < 0)
        return -1;
    return *ret ? 0
                : error_set(err, ERROR_STORE, "the store %s has lost the run %s", s->db->name,
                            run_id);
}
