/*
 * copy: see store_copy(). Table by table, row by row, in the order of the keys: a run's rows get
 * the number that the run has in the other store. Values go over as they are, whatever they are.
 *
 * Files come before rows, and the run's own row comes last: then the run is in the other store.
 * Whatever a copy that was cut off has left beside it is written anew by the next one.
 *
 * Into PostgreSQL a run goes in one transaction. Who writes to SQLite keeps all others from it, a
 * run that is going on among them, which does not wait for long: there it takes as many
 * transactions as it lasts tenths of a second, under a number that is kept free for it in `dropped`
 * (store/drop.h).
 */
#include "store/upkeep.h"

#include "base/clock.h"
#include "base/fd.h"
#include "store/copylog.h"
#include "store/crew.h"
#include "store/database.h"
#include "store/drop.h"
#include "store/outputs.h"
#include "store/rows.h"
#include "store/shared.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_COLUMNS                                                                                \
    "id, started, fanout, threshold, total, options, config_path, config, folder, stopped, "       \
    "judged, notes"
#define RUN_COLUMN_COUNT 12
#define RUN_CONFIG 7 /* the one column of bytes */

#define TURN (100 * CLOCK_MS) /* others may have to wait so long */

/* A table of a run's rows. `columns` are all of them but the run's number. */
struct table {
    const char *name, *columns, *order;
    int count;
    const char *more;        /* that must be so of a row, or NULL */
    const char *last, *told; /* one more column, and what goes into it, or NULL */
};

#define SERVER_COLUMNS                                                                             \
    "position, name, host, \"user\", port, identity, given_kind, site, "                           \
    "labels, " ROW_SERVER_COLUMNS
#define BENCHMARK_COLUMNS "position, ordinal, " ROW_BENCHMARK_COLUMNS

/* What was claimed is pending: nobody works on it there. */
static const struct table tables[] = {
    {"server", SERVER_COLUMNS, "position", 20, NULL, "state",
     "CASE state WHEN 'claimed' THEN 'pending' ELSE state END"},
    {"benchmark", BENCHMARK_COLUMNS, "position, ordinal", 21, NULL, NULL, NULL},
    {"past_server", "position, round, " ROW_SERVER_COLUMNS, "position, round", 12, NULL, NULL,
     NULL},
    {"past_benchmark", "round, " BENCHMARK_COLUMNS, "position, round, ordinal", 22, NULL, NULL,
     NULL},
};

/* Of a run on which several have worked; those without a worker are what an earlier copy made. */
static const struct table log_files = {
    "log_file", "name, worker, carried", "number", 3, "worker IS NOT NULL", NULL, NULL};

/* Of one run. */
struct copying {
    struct store *from, *to;
    int64_t source, target; /* its numbers */
    int64_t since;          /* when the transaction was begun */
    bool reserved;          /* one of several is on disk, and the number of the run is its own */
    char name[sizeof(DROP_COPY) + RUN_ID_SIZE]; /* what it is reserved by */
};

static void bind_value(struct sql_stmt *to, int i, struct sql_stmt *from, int column) {
    switch (sql_column_type(from, column)) {
    case SQL_NULL:
        sql_bind_null(to, i);
        break;
    case SQL_INT:
        sql_bind_int(to, i, sql_column_int(from, column));
        break;
    case SQL_DOUBLE:
        sql_bind_double(to, i, sql_column_double(from, column));
        break;
    case SQL_TEXT:
        sql_bind_text(to, i, sql_column_text(from, column));
    }
}

static int prepare(struct store *s, bool walk, struct str *text, struct sql_stmt **ret,
                   struct error *err) {
    if (text->failed)
        return error_memory(err);
    return walk ? database_prepare_walk(s, text->data, ret, err)
                : database_prepare(s, text->data, ret, err);
}

static void add_parameters(struct str *text, int count) {
    for (int i = 0; i < count; i++)
        str_add(text, i ? ", ?" : "(?");
    str_add_char(text, ')');
}

/* Lets others write to SQLite, when they have waited for a while. */
static int take_turns(struct copying *c, struct error *err) {
    if (store_is_shared(c->to) || clock_now() - c->since < TURN)
        return 0;
    if (database_end(c->to, 0, err) < 0)
        return -1;
    c->reserved = true;
    drop_let_others_write(c->to, c->since);
    c->since = clock_now();
    return database_begin(c->to, err);
}

static int copy_rows(struct copying *c, const struct table *t, struct sql_stmt *select,
                     struct sql_stmt *insert, struct error *err) {
    int rc = 0;
    sql_bind_int(select, 1, c->source);
    sql_bind_int(insert, 1, c->target);
    while (rc == 0 && sql_step(select) == SQL_ROW) {
        for (int i = 0; i < t->count; i++)
            bind_value(insert, i + 2, select, i);
        rc = database_run(c->to, insert, err);
        if (rc == 0)
            rc = take_turns(c, err);
    }
    return rc;
}

static int copy_table(struct copying *c, const struct table *t, struct error *err) {
    cleanup(str_done) struct str text = {0};
    struct sql_stmt *select = NULL, *insert = NULL;
    str_addf(&text, "SELECT %s%s%s FROM %s WHERE run = ?%s%s ORDER BY %s", t->columns,
             t->told ? ", " : "", t->told ? t->told : "", t->name, t->more ? " AND " : "",
             t->more ? t->more : "", t->order);
    if (prepare(c->from, true, &text, &select, err) < 0)
        return -1;
    str_clear(&text);
    str_addf(&text, "INSERT INTO %s (run, %s%s%s) VALUES ", t->name, t->columns,
             t->last ? ", " : "", t->last ? t->last : "");
    add_parameters(&text, t->count + 1);
    int rc = prepare(c->to, false, &text, &insert, err);
    if (rc == 0)
        rc = copy_rows(c, t, select, insert, err);
    rc = database_finalize(c->from, select, rc, err);
    return database_finalize(c->to, insert, rc, err);
}

/*
 * The counts are the run's in sum, also where each worker has its own. Nobody goes on with a run
 * there that was not resumed there: the other store may go on with it, too.
 */
static int insert_run(struct copying *c, const struct run *run, struct sql_stmt *row,
                      struct error *err) {
    cleanup(str_done) struct str text = {0};
    struct sql_stmt *insert;
    bool shared = store_is_shared(c->to);
    str_addf(&text,
             "INSERT INTO run (" RUN_COLUMNS ", seconds, passed, failed, errors, %s) VALUES ",
             shared ? "closed" : "number");
    add_parameters(&text, RUN_COLUMN_COUNT + 5);
    str_add(&text, " RETURNING number");
    if (prepare(c->to, false, &text, &insert, err) < 0)
        return -1;
    for (int i = 0; i < RUN_COLUMN_COUNT; i++)
        bind_value(insert, i + 1, row, i);
    size_t n;
    const void *config = sql_column_bytes(row, RUN_CONFIG, &n);
    sql_bind_bytes(insert, RUN_CONFIG + 1, config, n);
    sql_bind_double(insert, RUN_COLUMN_COUNT + 1, run->seconds);
    sql_bind_int(insert, RUN_COLUMN_COUNT + 2, (int64_t)run->passed);
    sql_bind_int(insert, RUN_COLUMN_COUNT + 3, (int64_t)run->failed);
    sql_bind_int(insert, RUN_COLUMN_COUNT + 4, (int64_t)run->errors);
    sql_bind_int(insert, RUN_COLUMN_COUNT + 5, shared ? 1 : c->target);
    if (sql_step(insert) == SQL_ROW)
        c->target = sql_column_int(insert, 0);
    return database_finalize(c->to, insert, 0, err);
}

static int copy_run_row(struct copying *c, const struct run *run, struct error *err) {
    struct sql_stmt *select;
    int rc = 0;
    if (database_prepare(c->from, "SELECT " RUN_COLUMNS " FROM run WHERE number = ?", &select,
                         err) < 0)
        return -1;
    sql_bind_int(select, 1, c->source);
    if (sql_step(select) == SQL_ROW)
        rc = insert_run(c, run, select, err);
    return database_finalize(c->from, select, rc, err);
}

/*
 * How far the workers' files have come in, too: what of them is yet to come goes on from there,
 * into whichever store it goes.
 */
static int copy_log(struct copying *c, const struct run *run, struct error *err) {
    if (copylog_to_table(c->from, c->to, run->id, c->target, err) < 0)
        return -1;
    return store_is_shared(c->from) ? copy_table(c, &log_files, err) : 0;
}

static int copy_tables(struct copying *c, struct error *err) {
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (copy_table(c, &tables[i], err) < 0)
            return -1;
    return 0;
}

/* ---- into PostgreSQL ---- */

static int write_shared(struct copying *c, const struct run *run, struct error *err) {
    return copy_run_row(c, run, err) < 0 || copy_tables(c, err) < 0 ? -1 : copy_log(c, run, err);
}

static int copy_to_shared(struct copying *c, const struct run *run, struct error *err) {
    return database_begin(c->to, err) < 0 ? -1
                                          : database_end(c->to, write_shared(c, run, err), err);
}

/* ---- into SQLite ---- */

static int reserve(struct copying *c, struct error *err) {
    struct sql_stmt *stmt = database_use(c->to, RESERVE_RUN, err);
    if (!stmt)
        return -1;
    sql_bind_text(stmt, 1, c->name);
    if (sql_step(stmt) == SQL_ROW)
        c->target = sql_column_int(stmt, 0);
    return sql_reset(stmt) == 0 ? 0 : database_fail(c->to, err);
}

/* The run is there, and its number its own. */
static int settle(struct copying *c, struct error *err) {
    struct sql_stmt *stmt = database_use(c->to, DROP_END, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, c->target);
    sql_bind_text(stmt, 2, c->name);
    return database_run(c->to, stmt, err);
}

static int write_rows(struct copying *c, const struct run *run, struct error *err) {
    c->since = clock_now();
    return reserve(c, err) < 0 || copy_tables(c, err) < 0 || copy_run_row(c, run, err) < 0
               ? -1
               : settle(c, err);
}

/* Rows that cannot be deleted now go with the next copy, or drop. */
static int copy_to_rows(struct copying *c, const struct run *run, struct error *err) {
    struct error ignored;
    snprintf(c->name, sizeof(c->name), DROP_COPY "%s", run->id);
    if (database_begin(c->to, err) < 0)
        return -1;
    int rc = database_end(c->to, write_rows(c, run, err), err);
    if (rc < 0 && c->reserved && drop_rows(c->to, c->target, c->name, &ignored) < 0)
        return -1;
    return rc;
}

static void remove_files(const struct store *s, const char *run_id, bool log, bool outputs) {
    struct error ignored;
    cleanup(free_ptr) char *path = store_log_path(s, run_id);
    if (log && path)
        unlink(path);
    if (outputs && outputs_remove(s, run_id, &ignored) < 0)
        return; /* what stays is written over by the next copy */
}

/* With what SQLite has beside it: a log that is locked until the run is there, and outputs. */
static int copy_to_file(struct copying *c, const struct run *run, struct error *err) {
    struct copylog_file log;
    bool outputs = false;
    if (copylog_to_file(c->from, c->to, run->id, &log, err) < 0)
        return -1;
    int rc = 0;
    if (!log.there && !store_is_shared(c->from))
        rc = outputs_copy(c->from, c->to, run->id, &outputs, err);
    if (rc == 0 && !log.there)
        rc = copy_to_rows(c, run, err);
    remove_files(c->to, run->id, log.empty || (rc < 0 && log.copied), rc < 0 && outputs);
    fd_close(&log.hold);
    return rc;
}

static int copy_run(struct store *from, struct store *to, const struct run *run,
                    struct error *err) {
    struct copying c = {.from = from, .to = to};
    if (database_find_run(from, run->id, &c.source, err) < 0)
        return -1;
    return store_is_shared(to) ? copy_to_shared(&c, run, err) : copy_to_file(&c, run, err);
}

static bool has_run(const struct run *runs, size_t count, const char *id) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(runs[i].id, id) == 0)
            return true;
    return false;
}

/* A worker that has ended a run has a last word to say yet. */
static int is_busy(struct store *s, const struct run *run, bool *ret, struct error *err) {
    int64_t number;
    *ret = run->holder.pid;
    if (*ret || !store_is_shared(s))
        return 0;
    return database_find_run(s, run->id, &number, err) < 0 ? -1
                                                           : shared_is_busy(s, number, ret, err);
}

static int tell_run(store_tell_fn *tell, void *arg, const struct run *run, const char *what,
                    struct error *err) {
    char text[RUN_ID_SIZE + 100];
    snprintf(text, sizeof(text), "%s: %s", run->id, what);
    return tell(arg, text, err);
}

/* The oldest first, so that runs have their order in the other store, too. */
static int copy_runs(struct store *from, struct store *to, store_tell_fn *tell, void *arg,
                     struct store_copied *ret, struct error *err) {
    cleanup(free_ptr) struct run *runs = NULL;
    cleanup(free_ptr) struct run *there = NULL;
    size_t count, there_count;
    if (store_runs(from, &runs, &count, err) < 0 || store_runs(to, &there, &there_count, err) < 0)
        return -1;
    for (size_t i = count; i-- > 0;) {
        const struct run *run = &runs[i];
        bool known = has_run(there, there_count, run->id), busy = false;
        if (!known && is_busy(from, run, &busy, err) < 0)
            return -1;
        char servers[64];
        snprintf(servers, sizeof(servers), "%zu servers", run->total);
        if (tell_run(tell, arg, run,
                     known  ? "is there already"
                     : busy ? "is being worked on: not copied"
                            : servers,
                     err) < 0)
            return -1;
        ret->there += known;
        ret->busy += busy;
        if (known || busy)
            continue;
        if (copy_run(from, to, run, err) < 0)
            return -1;
        ret->runs++;
        ret->servers += run->total;
    }
    return 0;
}

static int copy_baselines(struct store *from, struct store *to, struct store_copied *ret,
                          struct error *err) {
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baselines_done) struct baselines there = {0};
    cleanup(baselines_done) struct baselines missing = {0};
    if (store_baselines(from, &all, err) < 0 || store_baselines_any(to, &there, err) < 0)
        return -1;
    for (size_t i = 0; i < all.count; i++) {
        const struct baseline *b = &all.items[i];
        if (baselines_find(&there, b->kind, NULL, b->benchmark, b->metric))
            continue;
        if (baselines_put(&missing, b, err) < 0)
            return -1;
    }
    ret->baselines = missing.count;
    return store_put_baselines(to, &missing, err);
}

/* By whatever names they were opened. */
static bool is_same(const struct store *a, const struct store *b) {
    struct stat here, there;
    if (!a->path || !b->path)
        return strcmp(a->db->name, b->db->name) == 0;
    return stat(a->path, &here) == 0 && stat(b->path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

int store_copy(struct store *from, struct store *to, store_tell_fn *tell, void *arg,
               struct store_copied *ret, struct error *err) {
    size_t left;
    *ret = (struct store_copied){0};
    if (is_same(from, to))
        return error_set(err, ERROR_USAGE, "%s and %s are the same store", from->db->name,
                         to->db->name);
    if (!store_is_shared(to) && store_drop_rest(to, &left, err) < 0)
        return -1;
    return copy_runs(from, to, tell, arg, ret, err) < 0 ? -1 : copy_baselines(from, to, ret, err);
}
