/*
 * read: what the store knows of runs and their servers.
 *
 * A run is read in one pass of cursors side by side, all in the order of position: its servers,
 * their benchmarks, and both of attempts that were made again.
 */
#include "store/database.h"

#include "base/text.h"
#include "base/vec.h"
#include "store/crew.h"
#include "store/hold.h"
#include "store/rows.h"

#include <stdio.h>
#include <string.h>

#define RUN_COLUMNS                                                                                \
    "id, started, seconds, fanout, threshold, total, passed, failed, errors, holder_pid, "         \
    "holder_host, holder_since, stopped, judged, NULL, NULL, NULL"

/* The same of a shared store: what its workers have counted, and the first of them. */
#define COUNTED(what)                                                                              \
    "r." what " + coalesce((SELECT CAST(sum(" what                                                 \
    ") AS bigint) FROM tally WHERE run = r.number), 0)"
#define FIRST_WORKER(what)                                                                         \
    "(SELECT " what                                                                                \
    " FROM worker WHERE run = r.number AND lease_until > now() ORDER BY number LIMIT 1)"
#define SHARED_COLUMNS                                                                                              \
    "id, started, greatest(seconds, (SELECT max(seconds) FROM tally WHERE run = r.number)), "                       \
    "fanout, threshold, total, " COUNTED("passed") ", " COUNTED("failed") ", " COUNTED("errors") ", " FIRST_WORKER( \
        "pid") ", " FIRST_WORKER("host") ", " FIRST_WORKER("started") ", stopped, judged, closed "                  \
                                                                      "= 0, (SELECT count(*) "                      \
                                                                      "FROM worker WHERE run = "                    \
                                                                      "r.number AND lease_until "                   \
                                                                      "> now()), errors"

/* What is below nothing would wrap to more than there is memory. */
static size_t read_count(struct sql_stmt *stmt, int column) {
    int64_t n = sql_column_int(stmt, column);
    return n > 0 ? (size_t)n : 0;
}

/*
 * Whether the process in the row still holds the run, or another one does, the lock knows; that of
 * a shared store has a lease.
 */
static int find_holder(const struct store *s, struct sql_stmt *stmt, struct run *r,
                       struct error *err) {
    /* a worker that has ended a run still has it for a moment */
    bool over = store_is_shared(s) && r->judged && r->cancelled == 0;
    if (over || sql_column_type(stmt, 9) == SQL_NULL)
        return 0;
    cleanup(free_ptr) char *path = store_log_path(s, r->id);
    if (!path)
        return error_memory(err);
    const char *host;
    if (row_borrow_text(stmt, 10, &host, err) < 0)
        return -1;
    bool shared = store_is_shared(s);
    r->holder.pid = shared ? sql_column_int(stmt, 9) : hold_holder(path);
    r->workers = shared ? read_count(stmt, 15) : r->holder.pid != 0;
    if (r->holder.pid != sql_column_int(stmt, 9))
        return 0;
    snprintf(r->holder.host, sizeof(r->holder.host), "%s", host ? host : "");
    r->holder.since = sql_column_int(stmt, 11);
    return 0;
}

static int read_run(const struct store *s, struct sql_stmt *stmt, struct run *r,
                    struct error *err) {
    const char *id, *stopped;
    cleanup(str_done) struct str printable = {0};
    if (row_borrow_text(stmt, 0, &id, err) < 0 || row_borrow_text(stmt, 12, &stopped, err) < 0)
        return -1;
    *r = (struct run){
        .started = sql_column_int(stmt, 1),
        .seconds = sql_column_double(stmt, 2),
        .fanout = sql_column_int(stmt, 3),
        .threshold = sql_column_double(stmt, 4),
        .total = read_count(stmt, 5),
        .passed = read_count(stmt, 6),
        .failed = read_count(stmt, 7),
        .errors = read_count(stmt, 8),
        .judged = sql_column_int(stmt, 13),
        .open = sql_column_int(stmt, 14),
        .errors_earlier = read_count(stmt, 16),
    };
    snprintf(r->id, sizeof(r->id), "%s", id ? id : "");
    if (stopped)
        text_add_printable(&printable, stopped, strlen(stopped), sizeof(r->stopped) - 1);
    snprintf(r->stopped, sizeof(r->stopped), "%s", printable.data ? printable.data : "");
    size_t judged = r->passed + r->failed + r->errors;
    r->cancelled = r->total > judged ? r->total - judged : 0;
    return find_holder(s, stmt, r, err);
}

/* Those that the words behind `FROM run AS r` choose; `id` is what a `?` there stands for. */
static int select_runs(struct store *s, const char *which, const char *id, struct run **ret,
                       size_t *count, struct error *err) {
    struct sql_stmt *stmt = NULL;
    cleanup(str_done) struct str select = {0};
    str_addf(&select, "SELECT %s FROM run AS r %s",
             store_is_shared(s) ? SHARED_COLUMNS : RUN_COLUMNS, which);
    if (select.failed)
        return error_memory(err);
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n = 0, cap = 0;
    if (database_prepare(s, select.data, &stmt, err) < 0)
        return -1;
    if (id)
        sql_bind_text(stmt, 1, id);
    int rc = 0;
    while (rc == 0 && sql_step(stmt) == SQL_ROW) {
        rc = vec_reserve(&runs, &cap, n + 1, sizeof(*runs)) < 0 ? error_memory(err)
                                                                : read_run(s, stmt, &runs[n], err);
        n++;
    }
    if (database_finalize(s, stmt, rc, err) < 0)
        return -1;
    *ret = TAKE(runs);
    *count = n;
    return 0;
}

#define NEWEST_FIRST "ORDER BY number DESC"

int store_runs(struct store *s, struct run **ret, size_t *count, struct error *err) {
    return select_runs(s, NEWEST_FIRST, NULL, ret, count, err);
}

/* How many characters two ids share from the start: ids sort by time, so this is nearness. */
static size_t shared_prefix(const char *a, const char *b) {
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

/* Says that there is no such run, and which is the nearest. */
static int offer_nearest(struct store *s, const char *run_id, struct error *err) {
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n = 0, near = 0;
    if (store_runs(s, &runs, &n, err) < 0)
        return -1;
    if (n == 0)
        return error_set(err, ERROR_USAGE, "the store %s has no runs", s->db->name);
    for (size_t i = 1; i < n; i++)
        if (shared_prefix(runs[i].id, run_id) > shared_prefix(runs[near].id, run_id))
            near = i;
    return error_set(err, ERROR_USAGE,
                     "no run '%.40s' in the store %s; the nearest is %s (see `muster runs`)",
                     run_id, s->db->name, runs[near].id);
}

int store_run(struct store *s, const char *run_id, struct run *ret, struct error *err) {
    cleanup(free_ptr) struct run *found = NULL;
    bool last = strcmp(run_id, "last") == 0;
    size_t n;
    if (select_runs(s, last ? NEWEST_FIRST " LIMIT 1" : "WHERE id = ?", last ? NULL : run_id,
                    &found, &n, err) < 0)
        return -1;
    if (n == 0)
        return offer_nearest(s, run_id, err);
    *ret = found[0];
    return 0;
}

/* A cursor over rows that begin with a position, and its current row. */
struct cursor {
    struct sql_stmt *stmt;
    bool more;
};

static void next(struct cursor *c) {
    c->more = sql_step(c->stmt) == SQL_ROW;
}

/* Which rows: of a run, between two positions. */
struct range {
    int64_t run, first, last;
};

static int cursor_open(struct store *s, const char *select, const struct range *of,
                       struct cursor *ret, struct error *err) {
    if (database_prepare_walk(s, select, &ret->stmt, err) < 0)
        return -1;
    sql_bind_int(ret->stmt, 1, of->run);
    sql_bind_int(ret->stmt, 2, of->first);
    sql_bind_int(ret->stmt, 3, of->last);
    next(ret);
    return 0;
}

static bool is_of(const struct cursor *c, int column, int64_t value) {
    return c->more && sql_column_int(c->stmt, column) == value;
}

/* Takes the rows that have this position and, where there is a column for it, this round. */
static int read_benchmarks(struct cursor *c, int64_t position, int round_column, int64_t round,
                           struct server_result *ret, struct error *err) {
    size_t cap = 0;
    for (; is_of(c, 0, position) && (!round_column || is_of(c, round_column, round)); next(c)) {
        if (vec_reserve(&ret->benchmarks, &cap, ret->benchmark_count + 1,
                        sizeof(*ret->benchmarks)) < 0)
            return error_memory(err);
        if (row_read_benchmark(c->stmt, &ret->benchmarks[ret->benchmark_count++], err) < 0)
            return -1;
    }
    return 0;
}

/* The cursors over one run. */
struct walk {
    struct cursor servers, benchmarks, past_servers, past_benchmarks;
    const char *pending; /* the sentence for a server without a verdict */
};

static int read_earlier(struct walk *w, int64_t position, struct server_result *ret,
                        struct error *err) {
    int round_column = sql_column_count(w->past_benchmarks.stmt) - 1;
    size_t cap = 0;
    for (; is_of(&w->past_servers, 0, position); next(&w->past_servers)) {
        if (vec_reserve(&ret->earlier, &cap, ret->earlier_count + 1, sizeof(*ret->earlier)) < 0)
            return error_memory(err);
        struct server_result *past = &ret->earlier[ret->earlier_count++];
        *past = (struct server_result){0};
        int64_t round = sql_column_int(w->past_servers.stmt, 1);
        if (row_read_server(w->past_servers.stmt, w->pending, past, err) < 0 ||
            read_benchmarks(&w->past_benchmarks, position, round_column, round, past, err) < 0)
            return -1;
    }
    return 0;
}

static int walk(struct walk *w, store_each_fn *each, void *arg, struct error *err) {
    int rc = 0, labels = sql_column_count(w->servers.stmt) - 1;
    for (; rc == 0 && w->servers.more; next(&w->servers)) {
        cleanup(server_result_done) struct server_result result = {0};
        cleanup(free_ptr) char *name = NULL;
        int64_t position = sql_column_int(w->servers.stmt, 0);
        if (row_read_name(w->servers.stmt, 1, &name, err) < 0 ||
            row_read_server(w->servers.stmt, w->pending, &result, err) < 0 ||
            row_read_printable(w->servers.stmt, labels, &result.labels, err) < 0 ||
            read_benchmarks(&w->benchmarks, position, 0, 0, &result, err) < 0 ||
            read_earlier(w, position, &result, err) < 0)
            return -1;
        rc = each(arg, name, &result, err);
    }
    return rc;
}

static int each_between(struct store *s, const char *run_id, size_t first, size_t last,
                        store_each_fn *each, void *arg, struct error *err) {
    struct run found = {0};
    struct range of = {.first = (int64_t)first,
                       .last = last < INT64_MAX ? (int64_t)last : INT64_MAX};
    if (database_find_run(s, run_id, &of.run, err) < 0 || store_run(s, run_id, &found, err) < 0)
        return -1;
    struct walk w = {.pending = found.holder.pid ? "its turn has not come, or is not over yet"
                                                 : OUTCOME_NO_TURN};
    int rc = -1;
    if (cursor_open(s, ROW_SELECT_SERVERS, &of, &w.servers, err) == 0 &&
        cursor_open(s, ROW_SELECT_BENCHMARKS, &of, &w.benchmarks, err) == 0 &&
        cursor_open(s, ROW_SELECT_PAST_SERVERS, &of, &w.past_servers, err) == 0 &&
        cursor_open(s, ROW_SELECT_PAST_BENCHMARKS, &of, &w.past_benchmarks, err) == 0)
        rc = walk(&w, each, arg, err);
    struct sql_stmt *all[] = {w.servers.stmt, w.benchmarks.stmt, w.past_servers.stmt,
                              w.past_benchmarks.stmt};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        rc = database_finalize(s, all[i], rc, err);
    return rc;
}

int store_each_between(struct store *s, const char *run_id, size_t first, size_t last,
                       store_each_fn *each, void *arg, struct error *err) {
    bool begun;
    if (database_read(s, &begun, err) < 0)
        return -1;
    return database_read_end(s, begun, each_between(s, run_id, first, last, each, arg, err), err);
}

int store_each(struct store *s, const char *run_id, store_each_fn *each, void *arg,
               struct error *err) {
    return store_each_between(s, run_id, 0, SIZE_MAX, each, arg, err);
}

static int walk_text(struct store *s, const char *select, const char *run_id, store_text_fn *each,
                     void *arg, struct error *err) {
    struct cursor c = {0};
    struct range of = {.last = INT64_MAX};
    if (database_find_run(s, run_id, &of.run, err) < 0)
        return -1;
    int rc = cursor_open(s, select, &of, &c, err);
    for (; rc == 0 && c.more; next(&c)) {
        const char *text;
        rc = row_borrow_text(c.stmt, 1, &text, err);
        if (rc == 0 && text)
            rc = each(arg, (size_t)sql_column_int(c.stmt, 0), text, err);
    }
    return database_finalize(s, c.stmt, rc, err);
}

static int each_text(struct store *s, const char *select, const char *run_id, store_text_fn *each,
                     void *arg, struct error *err) {
    bool begun;
    if (database_read(s, &begun, err) < 0)
        return -1;
    return database_read_end(s, begun, walk_text(s, select, run_id, each, arg, err), err);
}

int store_each_name(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                    struct error *err) {
    return each_text(s, "SELECT position, name FROM server WHERE " ROW_BETWEEN " ORDER BY position",
                     run_id, each, arg, err);
}

int store_each_facts(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                     struct error *err) {
    return each_text(s,
                     "SELECT position, facts FROM server WHERE " ROW_BETWEEN " ORDER BY position",
                     run_id, each, arg, err);
}

int store_each_sensors(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                       struct error *err) {
    return each_text(s,
                     "SELECT position, sensors FROM benchmark WHERE " ROW_BETWEEN
                     " AND sensors IS NOT NULL ORDER BY position",
                     run_id, each, arg, err);
}

int store_each_finding(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                       struct error *err) {
    return each_text(s,
                     "SELECT position, coalesce(findings, why) FROM server WHERE " ROW_BETWEEN
                     " ORDER BY position",
                     run_id, each, arg, err);
}
