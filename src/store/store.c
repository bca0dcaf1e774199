/*
 * store: see store.h.
 *
 * One connection and one prepared statement for each thing that is done, made when it is first
 * needed. Every change is one transaction, on disk when the call returns (synchronous = FULL).
 * Numbers that are not there (NAN) are NULL, as SQLite has it. Servers are claimed in the order of
 * their rows: `claimed_to` remembers how far this process has come, so that a claim does not walk
 * over the rows before.
 */
#include "store/store.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/vec.h"
#include "store/rows.h"
#include "store/schema.h"

#include <errno.h>
#include <math.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000 /* how long another process may hold the database */

enum statement {
    ADD_RUN,
    FIND_RUN,
    ADD_SERVER,
    FIND_PENDING,
    DROP_BENCHMARKS,
    CLAIM,
    FINISH_SERVER,
    ADD_BENCHMARK,
    COUNT_UP,
    UNCLAIM,
    END_RUN,
    STATEMENT_COUNT
};

static const char *const sql[STATEMENT_COUNT] = {
    [ADD_RUN] = "INSERT INTO run (id, started, fanout, threshold, total) VALUES (?, ?, ?, ?, ?)",
    [FIND_RUN] = "SELECT number FROM run WHERE id = ?",
    [ADD_SERVER] = "INSERT INTO server (run, position, name) VALUES (?, ?, ?)",
    [FIND_PENDING] = "SELECT position FROM server WHERE run = ? AND position >= ? AND "
                     "state = 'pending' ORDER BY position LIMIT ?",
    /* those of an earlier turn of a server that is claimed again */
    [DROP_BENCHMARKS] = "DELETE FROM benchmark WHERE run = ?1 AND position BETWEEN ?2 AND ?3 AND "
                        "(SELECT state FROM server WHERE server.run = ?1 AND "
                        "server.position = benchmark.position) = 'pending'",
    [CLAIM] = "UPDATE server SET state = 'claimed' WHERE run = ? AND position BETWEEN ? AND ? AND "
              "state = 'pending'",
    [FINISH_SERVER] = "UPDATE server SET state = ?, verdict = ?, reason = ?, detail = ?, "
                      "attempts = ?, seconds = ?, facts = ? WHERE run = ? AND position = ?",
    [ADD_BENCHMARK] = "INSERT INTO benchmark VALUES "
                      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [COUNT_UP] = "UPDATE run SET passed = passed + ?, failed = failed + ?, errors = errors + ? "
                 "WHERE number = ?",
    [UNCLAIM] = "UPDATE server SET state = 'pending' WHERE run = ? AND state = 'claimed'",
    [END_RUN] = "UPDATE run SET seconds = ? WHERE number = ?",
};

struct store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    size_t claimed_to;
    struct str json; /* of the row that is being written; kept for its memory */
};

static int fail(const struct store *s, struct error *err) {
    return error_set(err, ERROR_STORE, "the store %s: %s", s->path, sqlite3_errmsg(s->db));
}

static char *default_path(struct error *err) {
    struct str path = {0};
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    const struct passwd *me = home ? NULL : getpwuid(getuid());
    if (state && state[0] == '/') /* the XDG specification: relative ones are to be ignored */
        str_add(&path, state);
    else if (home || me)
        str_addf(&path, "%s/.local/state", home ? home : me->pw_dir);
    else {
        error_set(err, ERROR_USAGE, "no HOME and no XDG_STATE_HOME: say where with --store");
        return NULL;
    }
    str_add(&path, "/muster/muster.db");
    char *text = str_take(&path);
    if (!text)
        error_memory(err);
    return text;
}

static char *path_of(const char *url, struct error *err) {
    if (!url)
        return default_path(err);
    size_t scheme = strcspn(url, ":/");
    const char *path = url;
    if (strncmp(url, "sqlite:", 7) == 0) {
        path = url + 7;
        if (strncmp(path, "//", 2) == 0) /* sqlite:///path */
            path += 2;
    } else if (url[scheme] == ':') {
        error_set(err, ERROR_USAGE,
                  "a store of the kind '%.*s' is not known: give a path, or "
                  "sqlite:PATH",
                  (int)scheme, url);
        return NULL;
    }
    if (!*path) {
        error_set(err, ERROR_USAGE, "the store has an empty path");
        return NULL;
    }
    char *copy = strdup(path);
    if (!copy)
        error_memory(err);
    return copy;
}

/* The folder of the store, "." for a bare file name. */
static int folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) : 0;
}

static int make_folder(const char *path, struct error *err) {
    int len = folder_length(path);
    if (len == 0)
        return 0;
    cleanup(free_ptr) char *folder = strndup(path, (size_t)len);
    if (!folder)
        return error_memory(err);
    if (fd_make_folders(folder, err) < 0) {
        err->kind = ERROR_USAGE;
        return error_prefix(err, "the store %s", path);
    }
    return 0;
}

static int open_database(struct store *s, bool create, struct error *err) {
    struct stat st;
    if (stat(s->path, &st) < 0 && !create)
        return error_os(err, ERROR_USAGE, errno, "no store at %s", s->path);
    if (create && make_folder(s->path, err) < 0)
        return -1;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
        return error_set(err, ERROR_USAGE, "cannot open the store %s: %s", s->path,
                         s->db ? sqlite3_errmsg(s->db) : "out of memory");
    sqlite3_busy_timeout(s->db, BUSY_MS);
    if (sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
        return error_set(err, ERROR_USAGE, "cannot open the store %s: %s", s->path,
                         sqlite3_errmsg(s->db));
    if (schema_migrate(s->db, s->path, create, err) < 0)
        return -1;
    /* a reader's totals and rows are of one moment, however long it takes to print them */
    if (!create && sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return fail(s, err);
    return 0;
}

int store_open(const char *url, bool create, struct store **ret, struct error *err) {
    /* its count of allocations takes a lock for each; too late, harmlessly, once SQLite is in use
     */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->path = path_of(url, err);
    if (!s->path || open_database(s, create, err) < 0) {
        store_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s) {
    if (!s)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    str_done(&s->json);
    free(s->path);
    free(s);
}

char *store_log_path(const struct store *s, const char *run_id) {
    char *path;
    int len = folder_length(s->path);
    const char *between = strchr(s->path, '/') ? "/" : "";
    return asprintf(&path, "%.*s%slogs/%s.jsonl", len, s->path, between, run_id) < 0 ? NULL : path;
}

/* The statement, ready to be bound; NULL with the error. */
static sqlite3_stmt *use(struct store *s, enum statement which, struct error *err) {
    sqlite3_stmt **stmt = &s->statements[which];
    if (!*stmt && sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, stmt,
                                     NULL) != SQLITE_OK)
        fail(s, err);
    return *stmt;
}

/* Runs a statement that returns no row, and makes it ready for the next use. */
static int run_once(struct store *s, sqlite3_stmt *stmt, struct error *err) {
    sqlite3_step(stmt);
    return sqlite3_reset(stmt) == SQLITE_OK ? 0 : fail(s, err);
}

static int begin(struct store *s, struct error *err) {
    return sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, err);
}

/* Commits when rc is 0, else undoes everything and keeps the error that is there. */
static int end(struct store *s, int rc, struct error *err) {
    if (rc == 0 && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        rc = fail(s, err);
    if (rc < 0)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int make_id(struct run *run, struct error *err) {
    unsigned char random[3];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_os(err, ERROR_INTERNAL, errno, "no random numbers");
    time_t seconds = (time_t)(run->started / CLOCK_S);
    struct tm t;
    localtime_r(&seconds, &t);
    size_t n = strftime(run->id, sizeof(run->id), "%Y%m%d-%H%M%S", &t);
    snprintf(run->id + n, sizeof(run->id) - n, "-%02x%02x%02x", random[0], random[1], random[2]);
    return 0;
}

static int add_run(struct store *s, const struct run *run, const struct servers *servers,
                   struct error *err) {
    sqlite3_stmt *stmt = use(s, ADD_RUN, err);
    if (!stmt)
        return -1;
    row_text(stmt, 1, run->id);
    sqlite3_bind_int64(stmt, 2, run->started);
    sqlite3_bind_int(stmt, 3, run->fanout);
    sqlite3_bind_double(stmt, 4, run->threshold);
    sqlite3_bind_int64(stmt, 5, (int64_t)servers->count);
    if (run_once(s, stmt, err) < 0 || !(stmt = use(s, ADD_SERVER, err)))
        return -1;
    sqlite3_bind_int64(stmt, 1, sqlite3_last_insert_rowid(s->db));
    for (size_t i = 0; i < servers->count; i++) {
        sqlite3_bind_int64(stmt, 2, (int64_t)i);
        row_text(stmt, 3, servers->items[i].name);
        if (run_once(s, stmt, err) < 0)
            return -1;
    }
    return 0;
}

int store_begin(struct store *s, struct run *run, const struct servers *servers,
                struct error *err) {
    run->started = clock_wall();
    run->seconds = NAN;
    run->total = servers->count;
    s->claimed_to = 0;
    if (make_id(run, err) < 0 || begin(s, err) < 0)
        return -1;
    return end(s, add_run(s, run, servers, err), err);
}

/* The number of a run that must be there. */
static int find_run(struct store *s, const char *run_id, int64_t *ret, struct error *err) {
    sqlite3_stmt *stmt = use(s, FIND_RUN, err);
    if (!stmt)
        return -1;
    row_text(stmt, 1, run_id);
    bool found = sqlite3_step(stmt) == SQLITE_ROW;
    if (found)
        *ret = sqlite3_column_int64(stmt, 0);
    if (sqlite3_reset(stmt) != SQLITE_OK)
        return fail(s, err);
    return found ? 0
                 : error_set(err, ERROR_STORE, "the store %s has lost the run %s", s->path, run_id);
}

static ssize_t find_pending(struct store *s, int64_t run, size_t max, size_t *positions,
                            struct error *err) {
    sqlite3_stmt *stmt = use(s, FIND_PENDING, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, (int64_t)s->claimed_to);
    sqlite3_bind_int64(stmt, 3, (int64_t)max);
    ssize_t n = 0;
    while (sqlite3_step(stmt) == SQLITE_ROW)
        positions[n++] = (size_t)sqlite3_column_int64(stmt, 0);
    return sqlite3_reset(stmt) == SQLITE_OK ? n : fail(s, err);
}

/* Runs a statement on those of the positions `first` to `last` that are pending. */
static int on_pending(struct store *s, enum statement which, int64_t run, size_t first, size_t last,
                      struct error *err) {
    sqlite3_stmt *stmt = use(s, which, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, (int64_t)first);
    sqlite3_bind_int64(stmt, 3, (int64_t)last);
    return run_once(s, stmt, err);
}

/* Returns how many, or -1. */
static ssize_t claim(struct store *s, int64_t run, size_t max, size_t *positions,
                     struct error *err) {
    ssize_t n = max ? find_pending(s, run, max, positions, err) : 0;
    if (n > 0 && (on_pending(s, DROP_BENCHMARKS, run, positions[0], positions[n - 1], err) < 0 ||
                  on_pending(s, CLAIM, run, positions[0], positions[n - 1], err) < 0))
        return -1;
    return n;
}

static int write_benchmarks(struct store *s, int64_t run, const struct store_result *r,
                            struct error *err) {
    sqlite3_stmt *stmt = use(s, ADD_BENCHMARK, err);
    if (!stmt)
        return -1;
    for (size_t i = 0; i < r->result->benchmark_count; i++)
        if (row_bind_benchmark(stmt, run, r->position, i, &r->result->benchmarks[i], &s->json,
                               err) < 0 ||
            run_once(s, stmt, err) < 0)
            return -1;
    return 0;
}

static int write_result(struct store *s, int64_t run, const struct store_result *r,
                        struct error *err) {
    sqlite3_stmt *stmt = use(s, FINISH_SERVER, err);
    if (!stmt)
        return -1;
    row_bind_server(stmt, run, r->position, r->result);
    return run_once(s, stmt, err) < 0 ? -1 : write_benchmarks(s, run, r, err);
}

static int write_results(struct store *s, int64_t run, const struct store_result *results, size_t n,
                         struct error *err) {
    struct run counts = {0};
    for (size_t i = 0; i < n; i++) {
        if (write_result(s, run, &results[i], err) < 0)
            return -1;
        run_count(&counts, results[i].result->verdict);
    }
    sqlite3_stmt *stmt = use(s, COUNT_UP, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, (int64_t)counts.passed);
    sqlite3_bind_int64(stmt, 2, (int64_t)counts.failed);
    sqlite3_bind_int64(stmt, 3, (int64_t)counts.errors);
    sqlite3_bind_int64(stmt, 4, run);
    return run_once(s, stmt, err);
}

ssize_t store_turn(struct store *s, const char *run_id, const struct store_result *results,
                   size_t n, size_t max, size_t *positions, struct error *err) {
    int64_t run;
    if (begin(s, err) < 0)
        return -1;
    ssize_t claimed = find_run(s, run_id, &run, err);
    if (claimed == 0 && n > 0)
        claimed = write_results(s, run, results, n, err);
    if (claimed == 0)
        claimed = claim(s, run, max, positions, err);
    if (end(s, claimed < 0 ? -1 : 0, err) < 0)
        return -1;
    if (claimed > 0)
        s->claimed_to = positions[claimed - 1] + 1;
    return claimed;
}

static int write_end(struct store *s, const struct run *run, struct error *err) {
    int64_t number;
    if (find_run(s, run->id, &number, err) < 0)
        return -1;
    sqlite3_stmt *stmt = use(s, UNCLAIM, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, number);
    if (run_once(s, stmt, err) < 0 || !(stmt = use(s, END_RUN, err)))
        return -1;
    row_number(stmt, 1, run->seconds);
    sqlite3_bind_int64(stmt, 2, number);
    return run_once(s, stmt, err);
}

int store_end(struct store *s, const struct run *run, struct error *err) {
    if (begin(s, err) < 0)
        return -1;
    return end(s, write_end(s, run, err), err);
}

#define RUN_COLUMNS "id, started, seconds, fanout, threshold, total, passed, failed, errors"

static void read_run(sqlite3_stmt *stmt, struct run *r) {
    *r = (struct run){
        .started = sqlite3_column_int64(stmt, 1),
        .seconds = row_read_number(stmt, 2),
        .fanout = sqlite3_column_int(stmt, 3),
        .threshold = sqlite3_column_double(stmt, 4),
        .total = (size_t)sqlite3_column_int64(stmt, 5),
        .passed = (size_t)sqlite3_column_int64(stmt, 6),
        .failed = (size_t)sqlite3_column_int64(stmt, 7),
        .errors = (size_t)sqlite3_column_int64(stmt, 8),
    };
    snprintf(r->id, sizeof(r->id), "%s", (const char *)sqlite3_column_text(stmt, 0));
    size_t judged = r->passed + r->failed + r->errors;
    r->cancelled = r->total > judged ? r->total - judged : 0;
}

int store_runs(struct store *s, struct run **ret, size_t *count, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n = 0, cap = 0;
    int rc = sqlite3_prepare_v2(
        s->db, "SELECT " RUN_COLUMNS " FROM run ORDER BY started DESC, id DESC", -1, &stmt, NULL);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        if (vec_reserve(&runs, &cap, n + 1, sizeof(*runs)) < 0) {
            sqlite3_finalize(stmt);
            return error_memory(err);
        }
        read_run(stmt, &runs[n++]);
    }
    if (sqlite3_finalize(stmt) != SQLITE_OK || rc != SQLITE_OK)
        return fail(s, err);
    *ret = TAKE(runs);
    *count = n;
    return 0;
}

/* How many characters two ids share from the start: ids sort by time, so this is nearness. */
static size_t shared_prefix(const char *a, const char *b) {
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

int store_run(struct store *s, const char *run_id, struct run *ret, struct error *err) {
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n, near = 0;
    if (store_runs(s, &runs, &n, err) < 0)
        return -1;
    if (n == 0)
        return error_set(err, ERROR_USAGE, "the store %s has no runs", s->path);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(runs[i].id, run_id) == 0 || (i == 0 && strcmp(run_id, "last") == 0)) {
            *ret = runs[i];
            return 0;
        }
        if (shared_prefix(runs[i].id, run_id) > shared_prefix(runs[near].id, run_id))
            near = i;
    }
    return error_set(err, ERROR_USAGE,
                     "no run '%.40s' in the store %s; the nearest is %s (see `muster runs`)",
                     run_id, s->path, runs[near].id);
}

/*
 * Two cursors go through the run side by side, both in the order of position; the benchmarks of a
 * server are those rows that have its position.
 */
static int walk(sqlite3_stmt *servers, sqlite3_stmt *benchmarks, store_each_fn *each, void *arg,
                struct error *err) {
    bool more = sqlite3_step(benchmarks) == SQLITE_ROW;
    int rc = 0;
    while (rc == 0 && sqlite3_step(servers) == SQLITE_ROW) {
        cleanup(server_result_done) struct server_result result = {0};
        int64_t position = sqlite3_column_int64(servers, 0);
        if (row_read_server(servers, &result, err) < 0)
            return -1;
        size_t cap = 0;
        while (more && sqlite3_column_int64(benchmarks, 0) == position) {
            if (vec_reserve(&result.benchmarks, &cap, result.benchmark_count + 1,
                            sizeof(*result.benchmarks)) < 0)
                return error_memory(err);
            if (row_read_benchmark(benchmarks, &result.benchmarks[result.benchmark_count++], err) <
                0)
                return -1;
            more = sqlite3_step(benchmarks) == SQLITE_ROW;
        }
        rc = each(arg, (const char *)sqlite3_column_text(servers, 1), &result, err);
    }
    return rc;
}

int store_each(struct store *s, const char *run_id, store_each_fn *each, void *arg,
               struct error *err) {
    sqlite3_stmt *servers = NULL, *benchmarks = NULL;
    int64_t run;
    if (find_run(s, run_id, &run, err) < 0)
        return -1;
    int rc = -1;
    if (sqlite3_prepare_v2(s->db, ROW_SELECT_SERVERS, -1, &servers, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(s->db, ROW_SELECT_BENCHMARKS, -1, &benchmarks, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(servers, 1, run);
        sqlite3_bind_int64(benchmarks, 1, run);
        rc = walk(servers, benchmarks, each, arg, err);
    } else {
        fail(s, err);
    }
    int a = sqlite3_finalize(servers), b = sqlite3_finalize(benchmarks);
    if (rc == 0 && (a != SQLITE_OK || b != SQLITE_OK))
        return fail(s, err);
    return rc;
}
