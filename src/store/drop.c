/*
 * drop: see store_drop(). A run goes in three steps, and whatever ends the process between them,
 * the next one that drops anything goes on there:
 *
 *  1. Its row moves into the table `dropped`, in one transaction, under the locks of whoever works
 *     on it: from here on there is no such run, for anybody.
 *  2. Its files go.
 *  3. Its rows go, some thousand in a transaction, so that nobody who writes waits for long, and a
 *     disk that is full has room for it; those of what belongs to a server before the server's own.
 *     Then the row in `dropped`.
 *
 * Two may be at it at once. Nothing goes any more once one of them has come to the end: SQLite
 * gives the number to the next run, or the next copy.
 */
#include "store/drop.h"

#include "base/clock.h"
#include "base/fd.h"
#include "store/crew.h"
#include "store/database.h"
#include "store/hold.h"
#include "store/outputs.h"
#include "store/rows.h"
#include "store/shared.h"
#include "store/upkeep.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A table of a run's rows, and what they are numbered by. */
struct part {
    const char *table, *column;
    int64_t step; /* in one transaction */
    bool shared;  /* a shared store's alone */
};

static const struct part parts[] = {
    {"past_benchmark", "position", 1000, false}, {"past_server", "position", 1000, false},
    {"benchmark", "position", 1000, false},      {"server", "position", 1000, false},
    {"tally", "worker", 1000000, true},          {"log", "place", 20000, true},
};

/* ---- the rows ---- */

/* The statements of a part, on the run's rows. */
struct deleting {
    struct sql_stmt *find, *delete;
};

/* *ret is the first number from `from` on; false: there is none. */
static int find_next(struct store *s, struct sql_stmt *stmt, int64_t from, int64_t *ret,
                     bool *found, struct error *err) {
    sql_bind_int(stmt, 2, from);
    *found = sql_step(stmt) == SQL_ROW && sql_column_type(stmt, 0) != SQL_NULL;
    *ret = *found ? sql_column_int(stmt, 0) : 0;
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

static int delete_some(struct store *s, struct sql_stmt *stmt, int64_t from, int64_t to,
                       struct error *err) {
    sql_bind_int(stmt, 2, from);
    sql_bind_int(stmt, 3, to);
    return database_begin(s, err) < 0 ? -1 : database_end(s, database_run(s, stmt, err), err);
}

void drop_let_others_write(const struct store *s, int64_t since) {
    int64_t now = clock_now();
    if (store_is_shared(s))
        return;
    struct timespec pause = deadline_timespec(now + (now - since));
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &pause, NULL);
}

/* From one number on to the next that is there: what is gone already is not gone over again. */
static int delete_all(struct store *s, const struct deleting *d, int64_t step, struct error *err) {
    int64_t from = INT64_MIN, first, last;
    bool found;
    for (;;) {
        if (find_next(s, d->find, from, &first, &found, err) < 0)
            return -1;
        if (!found)
            return 0;
        int64_t since = clock_now();
        last = first > INT64_MAX - step ? INT64_MAX : first + step - 1;
        if (delete_some(s, d->delete, first, last, err) < 0)
            return -1;
        drop_let_others_write(s, since);
        if (last == INT64_MAX)
            return 0;
        from = last + 1;
    }
}

static int prepare(struct store *s, int64_t run, struct sql_stmt **ret, struct error *err,
                   const char *format, ...) printf_like(5, 6);

static int prepare(struct store *s, int64_t run, struct sql_stmt **ret, struct error *err,
                   const char *format, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (database_prepare(s, text, ret, err) < 0)
        return -1;
    sql_bind_int(*ret, 1, run);
    return 0;
}

static int delete_part(struct store *s, const struct part *p, int64_t run, const char *id,
                       struct error *err) {
    struct deleting d = {0};
    int rc = prepare(s, run, &d.find, err, "SELECT min(%s) FROM %s WHERE run = ? AND %s >= ?",
                     p->column, p->table, p->column);
    if (rc == 0)
        rc = prepare(s, run, &d.delete, err,
                     "DELETE FROM %s WHERE run = ?1 AND %s BETWEEN ?2 AND ?3 AND "
                     "EXISTS (SELECT 1 FROM dropped WHERE number = ?1 AND id = ?4)",
                     p->table, p->column);
    if (rc == 0) {
        sql_bind_text(d.delete, 4, id);
        rc = delete_all(s, &d, p->step, err);
    }
    rc = database_finalize(s, d.find, rc, err);
    return database_finalize(s, d.delete, rc, err);
}

int drop_rows(struct store *s, int64_t run, const char *id, struct error *err) {
    struct sql_stmt *end = database_use(s, DROP_END, err);
    for (size_t i = 0; end && i < ARRAY_LEN(parts); i++)
        if ((!parts[i].shared || store_is_shared(s)) && delete_part(s, &parts[i], run, id, err) < 0)
            return -1;
    if (!end || database_begin(s, err) < 0)
        return -1;
    sql_bind_int(end, 1, run);
    sql_bind_text(end, 2, id);
    return database_end(s, database_run(s, end, err), err);
}

/* ---- the files ---- */

static int remove_files(struct store *s, const char *run_id, struct error *err) {
    cleanup(free_ptr) char *log = store_log_path(s, run_id);
    if (!log)
        return error_memory(err);
    if (!store_is_shared(s) && unlink(log) < 0 && errno != ENOENT)
        return error_os(err, ERROR_STORE, errno, "cannot remove %s", log);
    return outputs_remove(s, run_id, err);
}

int store_run_bytes(struct store *s, const char *run_id, int64_t *ret, struct error *err) {
    cleanup(free_ptr) char *log = store_log_path(s, run_id);
    struct stat st;
    if (!log)
        return error_memory(err);
    *ret = !store_is_shared(s) && stat(log, &st) == 0 ? st.st_size : 0;
    return outputs_measure(s, run_id, ret, err);
}

/* ---- the run ---- */

/* Waits for who writes to its log or resumes it just now; both find no run afterwards. */
static int lock_shared(struct store *s, int64_t run, bool *busy, struct error *err) {
    if (database_run_on(s, SHARED_DROP_LOCK, run, err) < 0 ||
        database_run_on(s, SHARED_LOCK_RUN, run, err) < 0)
        return -1;
    return shared_is_busy(s, run, busy, err);
}

static int move_run(struct store *s, int64_t run, bool *busy, struct error *err) {
    *busy = false;
    if (store_is_shared(s) && lock_shared(s, run, busy, err) < 0)
        return -1;
    if (*busy)
        return 0;
    if (store_is_shared(s) && database_run_on(s, SHARED_DROP_FILES, run, err) < 0)
        return -1;
    return database_run_on(s, DROP_RUN, run, err) < 0 ? -1
                                                      : database_run_on(s, DROP_RUN_ROW, run, err);
}

static int drop(struct store *s, const struct run *run, struct error *err) {
    int64_t number;
    bool busy;
    if (database_seek_run(s, run->id, &number, err) < 0)
        return -1;
    if (number &&
        (database_begin(s, err) < 0 || database_end(s, move_run(s, number, &busy, err), err) < 0))
        return -1;
    if (number && busy)
        return STORE_DROP_BUSY;
    if (remove_files(s, run->id, err) < 0)
        return -1;
    return number ? drop_rows(s, number, run->id, err) : STORE_DROP_GONE;
}

int store_drop(struct store *s, const struct run *run, struct error *err) {
    if (store_is_shared(s))
        return drop(s, run, err);
    cleanup(free_ptr) char *path = store_log_path(s, run->id);
    int64_t holder;
    if (!path)
        return error_memory(err);
    cleanup(fd_close) int hold = hold_take(path, &holder, err);
    if (hold < 0)
        return holder ? STORE_DROP_BUSY : -1;
    return drop(s, run, err);
}

/* ---- what was left ---- */

struct left {
    int64_t number;
    char id[sizeof(DROP_COPY) + RUN_ID_SIZE];
};

/* The next one behind *ret; *found: there is one. */
static int find_left(struct store *s, struct left *ret, bool *found, struct error *err) {
    const char *id = NULL;
    struct sql_stmt *stmt = database_use(s, DROPPED_RUNS, err);
    if (!stmt)
        return -1;
    int rc = 0;
    sql_bind_int(stmt, 1, ret->number);
    *found = sql_step(stmt) == SQL_ROW;
    if (*found) {
        ret->number = sql_column_int(stmt, 0);
        rc = row_borrow_text(stmt, 1, &id, err);
        snprintf(ret->id, sizeof(ret->id), "%s", id ? id : "");
    }
    return sql_reset(stmt) < 0 && rc == 0 ? database_fail(s, err) : rc;
}

/* Whether a process is at it, which has the run's log locked; that of a copy has yet to make it. */
static int is_in_use(const struct store *s, const char *run_id, bool *ret, struct error *err) {
    cleanup(free_ptr) char *log = store_log_path(s, run_id);
    if (!log)
        return error_memory(err);
    *ret = !store_is_shared(s) && hold_holder(log) > 0;
    return 0;
}

/* Returns 1 when it is gone, 0 when somebody is at it. */
static int finish(struct store *s, const struct left *left, struct error *err) {
    bool is_copy = strncmp(left->id, DROP_COPY, strlen(DROP_COPY)) == 0, in_use = false;
    const char *id = is_copy ? left->id + strlen(DROP_COPY) : left->id;
    if (is_in_use(s, id, &in_use, err) < 0)
        return -1;
    if (in_use)
        return 0;
    if (!is_copy && *id && remove_files(s, id, err) < 0)
        return -1;
    return drop_rows(s, left->number, left->id, err) < 0 ? -1 : 1;
}

int store_drop_rest(struct store *s, size_t *ret, struct error *err) {
    struct left left = {0};
    bool found;
    *ret = 0;
    for (;;) {
        if (find_left(s, &left, &found, err) < 0)
            return -1;
        if (!found)
            return 0;
        int rc = finish(s, &left, err);
        if (rc < 0)
            return -1;
        *ret += (size_t)rc;
    }
}

int store_free_bytes(struct store *s, int64_t *ret, struct error *err) {
    struct sql_stmt *stmt;
    *ret = 0;
    if (store_is_shared(s))
        return 0;
    if (database_prepare(s,
                         "SELECT freelist_count * page_size FROM pragma_freelist_count, "
                         "pragma_page_size",
                         &stmt, err) < 0)
        return -1;
    if (sql_step(stmt) == SQL_ROW)
        *ret = sql_column_int(stmt, 0);
    return database_finalize(s, stmt, 0, err);
}
