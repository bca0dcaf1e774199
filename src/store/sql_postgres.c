/*
 * sql_postgres: PostgreSQL as the store has it.
 *
 * One connection (store/postgres_pipe), made anew when a transaction begins, or a statement outside
 * of one, and the old one is of no use any more. A statement is prepared on the server when it is
 * first stepped on a connection, and its text is known there from then on, whichever statement has
 * it: each text takes one preparation. It is sent along with the first use.
 *
 * In a transaction that writes, what returns no rows is sent and not waited for; the rest waits,
 * for itself and all before it. So a transaction takes as many journeys to the server and back as
 * it has questions, and one for its end. One that only reads ends without waiting.
 *
 * Rows that are inserted in bulk wait on this side until they are asked for, and go together
 * (store/postgres_bulk). Rows come all at once, or for a walk within a transaction by a cursor,
 * WALK_ROWS at a time.
 */
#include "store/postgres_bulk.h"
#include "store/postgres_pipe.h"
#include "store/postgres_text.h"
#include "store/schema_postgres.h"
#include "store/sql.h"

#include "base/vec.h"

#include <stdio.h>

#define WALK_ROWS 500

/* A walk may be as slow as who reads what is printed of it; it has locked nothing. */
#define POSTGRES_NO_HURRY "SET LOCAL idle_in_transaction_session_timeout=0"

struct pg {
    struct sql sql;
    char *url, *name;
    struct postgres_pipe pipe;
    struct postgres_plan **plans;
    size_t plan_count, plan_cap;
    bool in_transaction;
    bool writes;           /* that transaction */
    uint64_t transaction;  /* its number */
    unsigned cursors;      /* how many there have been */
    struct pg_stmt *bulks; /* those that have rows which are not written yet */
};

struct pg_stmt {
    struct sql_stmt stmt;
    struct postgres_plan *plan;
    enum sql_use use;
    struct postgres_bulk bulk;
    struct pg_stmt *next_bulk;
    struct postgres_value *values;
    struct postgres_sent *sent; /* with the three arrays of what libpq takes */
    const char **data;
    int *lengths, *formats;
    struct str room; /* for what is sent and was written anew */
    struct postgres_answer answer;
    int row; /* of answer.rows */
    bool stepping;
    bool failed;       /* the last step */
    bool no_memory;    /* for what a column is read as */
    struct str *texts; /* of columns that are not text */
    unsigned cursor;   /* 0: none */
    uint64_t opened;   /* in which transaction */
};

static struct pg *pg_of(struct sql *db) {
    return (struct pg *)db;
}

static struct pg *database_of(struct sql_stmt *stmt) {
    return (struct pg *)stmt->db;
}

static struct pg_stmt *of(struct sql_stmt *stmt) {
    return (struct pg_stmt *)stmt;
}

static int pg_fail(struct sql *db, struct error *err) {
    *err = pg_of(db)->pipe.err;
    return -1;
}

static bool pg_in_transaction(struct sql *db) {
    return pg_of(db)->in_transaction;
}

/*
 * Before anything is sent: within a transaction that has failed, or has lost its connection, there
 * is nothing to send; outside of one what failed before is over.
 */
static int ready(struct pg *pg) {
    if (pg->in_transaction)
        return pg->pipe.failed || pg->pipe.over ? -1 : 0;
    pg->pipe.failed = false;
    return postgres_connected(&pg->pipe);
}

static void forget_bulks(struct pg *pg) {
    for (struct pg_stmt *s = pg->bulks; s; s = s->next_bulk)
        s->bulk.count = 0;
    pg->bulks = NULL;
}

/* What is written together has waited long enough. */
static int write_bulks(struct pg *pg) {
    int rc = pg->bulks ? ready(pg) : 0;
    for (struct pg_stmt *s = pg->bulks; rc == 0 && s; s = s->next_bulk)
        rc = postgres_bulk_write(&s->bulk, &pg->pipe, s->plan);
    forget_bulks(pg);
    return rc;
}

static void pg_rollback(struct sql *db) {
    struct pg *pg = pg_of(db);
    if (!pg->in_transaction)
        return;
    pg->in_transaction = false;
    forget_bulks(pg);
    pg->pipe.failed = true; /* what comes of this is not what went wrong */
    if (pg->pipe.over || postgres_sync(&pg->pipe) < 0 ||
        postgres_send_command(&pg->pipe, POSTGRES_COMMAND, "ROLLBACK") < 0 ||
        postgres_sync(&pg->pipe) < 0 || (postgres_settle(&pg->pipe) < 0 && pg->pipe.over))
        postgres_hang_up(&pg->pipe);
    pg->pipe.failed = false;
}

static int pg_begin(struct sql *db, bool write) {
    struct pg *pg = pg_of(db);
    pg_rollback(db); /* there may be one that nobody has ended */
    if (ready(pg) < 0 ||
        postgres_send_command(&pg->pipe, POSTGRES_COMMAND,
                              write ? "BEGIN ISOLATION LEVEL READ COMMITTED"
                                    : "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY") < 0 ||
        (!write && postgres_send_command(&pg->pipe, POSTGRES_COMMAND, POSTGRES_NO_HURRY) < 0))
        return -1;
    pg->in_transaction = true;
    pg->writes = write;
    pg->transaction++;
    return 0;
}

static int pg_commit(struct sql *db) {
    struct pg *pg = pg_of(db);
    int rc = ready(pg);
    if (rc == 0)
        rc = write_bulks(pg);
    if (rc == 0)
        rc = postgres_send_command(&pg->pipe, POSTGRES_COMMIT, "COMMIT");
    if (rc == 0)
        rc = postgres_sync(&pg->pipe);
    if (rc == 0 && pg->writes)
        rc = postgres_settle(&pg->pipe);
    if (rc < 0)
        pg_rollback(db);
    pg->in_transaction = false;
    return rc;
}

static int pg_exec(struct sql *db, const char *sql) {
    struct pg *pg = pg_of(db);
    return ready(pg) < 0 || write_bulks(pg) < 0 ? -1 : postgres_run(&pg->pipe, sql, SCHEMA_LIMIT);
}

static void plan_free(struct postgres_plan *plan) {
    if (!plan)
        return;
    free(plan->source);
    free(plan->sql);
    free(plan->types);
    free(plan);
}

/* A walk's is declared each time, as a cursor, and never prepared. */
static struct postgres_plan *make_plan(struct pg *pg, const char *sql) {
    struct str text = {0};
    struct postgres_plan *plan = calloc(1, sizeof(*plan));
    if (!plan || vec_reserve(&pg->plans, &pg->plan_cap, pg->plan_count + 1, sizeof(plan)) < 0) {
        free(plan);
        return NULL;
    }
    plan->param_count = postgres_translate(sql, &text);
    plan->source = strdup(sql);
    plan->sql = str_take(&text);
    if (!plan->source || !plan->sql) {
        plan_free(plan);
        return NULL;
    }
    plan->gives_rows = postgres_gives_rows(plan->sql);
    snprintf(plan->name, sizeof(plan->name), "m%zu", pg->plan_count);
    return pg->plans[pg->plan_count++] = plan;
}

static struct postgres_plan *find_plan(struct pg *pg, const char *sql) {
    for (size_t i = 0; i < pg->plan_count; i++)
        if (strcmp(pg->plans[i]->source, sql) == 0)
            return pg->plans[i];
    return make_plan(pg, sql);
}

static void stmt_free(struct pg_stmt *s) {
    for (int i = 0; s->texts && i < PQnfields(s->answer.rows); i++)
        str_done(&s->texts[i]);
    free(s->texts);
    PQclear(s->answer.rows);
    str_done(&s->room);
    str_done(&s->bulk.rows);
    free(s->values);
    free(s->sent);
    free(s->data);
    free(s->lengths);
    free(s->formats);
    free(s);
}

static int pg_prepare(struct sql *db, const char *sql, enum sql_use use, struct sql_stmt **ret) {
    struct pg *pg = pg_of(db);
    struct pg_stmt *s = calloc(1, sizeof(*s));
    struct postgres_plan *plan = find_plan(pg, sql);
    size_t n = plan ? (size_t)plan->param_count + 1 : 1;
    if (s) {
        *s = (struct pg_stmt){.stmt = {.db = db},
                              .plan = plan,
                              .use = use,
                              .values = calloc(n, sizeof(*s->values)),
                              .sent = calloc(n, sizeof(*s->sent)),
                              .data = calloc(n, sizeof(*s->data)),
                              .lengths = calloc(n, sizeof(*s->lengths)),
                              .formats = calloc(n, sizeof(*s->formats))};
        if (plan && s->values && s->sent && s->data && s->lengths && s->formats) {
            *ret = &s->stmt;
            return 0;
        }
        stmt_free(s);
    }
    return pg->pipe.failed ? -1 : error_memory(&pg->pipe.err);
}

static void bind(struct sql_stmt *stmt, int i, struct postgres_value value) {
    struct pg_stmt *s = of(stmt);
    if (i >= 1 && i <= s->plan->param_count)
        s->values[i - 1] = value;
}

static void pg_bind_null(struct sql_stmt *stmt, int i) {
    bind(stmt, i, (struct postgres_value){.kind = POSTGRES_NULL});
}

static void pg_bind_int(struct sql_stmt *stmt, int i, int64_t value) {
    bind(stmt, i, (struct postgres_value){.kind = POSTGRES_INT, .integer = value});
}

static void pg_bind_double(struct sql_stmt *stmt, int i, double value) {
    bind(stmt, i, (struct postgres_value){.kind = POSTGRES_DOUBLE, .real = value});
}

static void pg_bind_bytes(struct sql_stmt *stmt, int i, const void *data, size_t n, bool text) {
    bind(stmt, i,
         (struct postgres_value){.kind = text ? POSTGRES_TEXT : POSTGRES_BYTES,
                                 .text = {.data = data, .n = n}});
}

/* Lays out what is bound as libpq takes it. Types are those of a statement that was prepared. */
static int encode(struct pg_stmt *s) {
    int n = s->plan->param_count;
    const Oid *types = s->use == SQL_WALK ? NULL : s->plan->types;
    str_clear(&s->room);
    for (int i = 0; i < n; i++)
        postgres_encode(&s->values[i], types ? types[i] : 0, &s->room, &s->sent[i]);
    if (s->room.failed) {
        str_done(&s->room);
        s->room = (struct str){0};
        return postgres_no_memory(&database_of(&s->stmt)->pipe);
    }
    for (int i = 0; i < n; i++) {
        s->data[i] = s->sent[i].copied ? s->room.data + s->sent[i].at : s->sent[i].data;
        s->lengths[i] = s->sent[i].n;
        s->formats[i] = s->sent[i].format;
    }
    return 0;
}

static int send_plain(struct pg *pg, struct pg_stmt *s) {
    return postgres_make(&pg->pipe, s->plan) < 0 || encode(s) < 0
               ? -1
               : postgres_send_plan(&pg->pipe, s->plan, s->data, s->lengths, s->formats,
                                    &s->answer);
}

static int fetch(struct pg *pg, struct pg_stmt *s) {
    char sql[64];
    snprintf(sql, sizeof(sql), "FETCH %d FROM walk%u", WALK_ROWS, s->cursor);
    return postgres_send(&pg->pipe, sql, 0, NULL, NULL, NULL, &s->answer);
}

static int open_cursor(struct pg *pg, struct pg_stmt *s) {
    cleanup(str_done) struct str sql = {0};
    str_addf(&sql, "DECLARE walk%u NO SCROLL CURSOR FOR %s", pg->cursors + 1, s->plan->sql);
    if (sql.failed)
        return postgres_no_memory(&pg->pipe);
    if (encode(s) < 0 || postgres_send(&pg->pipe, sql.data, s->plan->param_count, s->data,
                                       s->lengths, s->formats, NULL) < 0)
        return -1;
    s->cursor = ++pg->cursors;
    s->opened = pg->transaction;
    return fetch(pg, s);
}

/* It ends with its transaction, too. */
static void close_cursor(struct pg *pg, struct pg_stmt *s) {
    char sql[32];
    snprintf(sql, sizeof(sql), "CLOSE walk%u", s->cursor);
    if (s->cursor && pg->in_transaction && s->opened == pg->transaction && ready(pg) == 0 &&
        postgres_send_command(&pg->pipe, POSTGRES_COMMAND, sql) < 0)
        s->failed = true;
    s->cursor = 0;
}

static void clear_rows(struct pg_stmt *s) {
    for (int i = 0; s->texts && i < PQnfields(s->answer.rows); i++)
        str_done(&s->texts[i]);
    free(s->texts);
    s->texts = NULL;
    PQclear(s->answer.rows);
    s->answer.rows = NULL;
    s->row = -1;
}

/* Has all that was sent answered, or goes on where nobody needs to wait. */
static int await(struct pg *pg, const struct pg_stmt *s) {
    if (pg->in_transaction && pg->writes && !s->plan->gives_rows)
        return 0;
    return postgres_sync(&pg->pipe) < 0 ? -1 : postgres_settle(&pg->pipe);
}

/* Keeps the row for later; 1 where it cannot. Types are known once the statement has run. */
static int keep_row(struct pg *pg, struct pg_stmt *s) {
    if (s->use != SQL_BULK || !pg->in_transaction || !pg->writes || !s->plan->types)
        return 1;
    if (encode(s) < 0)
        return -1;
    if (!postgres_bulk_add(&s->bulk, s->sent, s->data, s->plan->param_count))
        return 1;
    if (s->bulk.count == 1) {
        s->next_bulk = pg->bulks;
        pg->bulks = s;
    }
    return postgres_bulk_is_full(&s->bulk) ? write_bulks(pg) : 0;
}

static int run_now(struct pg *pg, struct pg_stmt *s) {
    bool walk = s->use == SQL_WALK && pg->in_transaction;
    if (s->plan->gives_rows && write_bulks(pg) < 0)
        return -1;
    return (walk ? open_cursor(pg, s) : send_plain(pg, s)) < 0 ? -1 : await(pg, s);
}

static int begin_step(struct pg *pg, struct pg_stmt *s) {
    clear_rows(s);
    s->answer.changes = 0;
    s->failed = s->no_memory = false;
    if (ready(pg) < 0)
        return -1;
    int rc = keep_row(pg, s);
    return rc == 1 ? run_now(pg, s) : rc;
}

/* Whether the cursor has more, now in answer.rows. */
static int go_on(struct pg *pg, struct pg_stmt *s) {
    if (!s->cursor || PQntuples(s->answer.rows) < WALK_ROWS)
        return SQL_DONE;
    clear_rows(s);
    if (!pg->in_transaction || s->opened != pg->transaction)
        return error_set(&pg->pipe.err, ERROR_INTERNAL, "a walk has outlived its transaction");
    if (ready(pg) < 0 || fetch(pg, s) < 0 || await(pg, s) < 0)
        return -1;
    return PQntuples(s->answer.rows) > 0 ? SQL_ROW : SQL_DONE;
}

static int end_step(struct pg *pg, struct pg_stmt *s, int rc) {
    s->stepping = false;
    s->failed = rc < 0;
    close_cursor(pg, s);
    clear_rows(s);
    return s->failed ? -1 : SQL_DONE;
}

static int pg_step(struct sql_stmt *stmt) {
    struct pg *pg = database_of(stmt);
    struct pg_stmt *s = of(stmt);
    if (!s->stepping) {
        if (begin_step(pg, s) < 0)
            return end_step(pg, s, -1);
        s->stepping = true;
    }
    if (s->no_memory) {
        s->no_memory = false;
        return end_step(pg, s, error_memory(&pg->pipe.err));
    }
    for (int i = 0; s->texts && i < PQnfields(s->answer.rows); i++)
        str_clear(&s->texts[i]);
    if (++s->row < PQntuples(s->answer.rows))
        return SQL_ROW;
    int rc = go_on(pg, s);
    s->row = 0;
    return rc == SQL_ROW ? SQL_ROW : end_step(pg, s, rc);
}

static int pg_reset(struct sql_stmt *stmt) {
    struct pg *pg = database_of(stmt);
    struct pg_stmt *s = of(stmt);
    int rc = s->no_memory ? error_memory(&pg->pipe.err) : s->failed ? -1 : 0;
    end_step(pg, s, 0);
    rc = s->failed ? -1 : rc;
    s->failed = s->no_memory = false;
    return rc;
}

static int pg_finalize(struct sql_stmt *stmt) {
    struct pg_stmt *s = of(stmt);
    struct pg *pg = database_of(stmt);
    int rc = pg_reset(stmt);
    if (s->bulk.count > 0 && write_bulks(pg) < 0)
        rc = -1;
    postgres_forget(&pg->pipe, &s->answer);
    stmt_free(s);
    return rc;
}

static int64_t pg_changes(struct sql_stmt *stmt) {
    struct pg *pg = database_of(stmt);
    struct pg_stmt *s = of(stmt);
    if (s->answer.awaited && (postgres_sync(&pg->pipe) < 0 || postgres_settle(&pg->pipe) < 0))
        return 0;
    return s->answer.changes;
}

static int pg_column_count(struct sql_stmt *stmt) {
    return PQnfields(of(stmt)->answer.rows);
}

static bool is_null(const struct pg_stmt *s, int i) {
    return s->row < 0 || s->row >= PQntuples(s->answer.rows) || i < 0 ||
           i >= PQnfields(s->answer.rows) || PQgetisnull(s->answer.rows, s->row, i);
}

static enum sql_type pg_column_type(struct sql_stmt *stmt, int i) {
    struct pg_stmt *s = of(stmt);
    return is_null(s, i) ? SQL_NULL : postgres_type(s->answer.rows, s->row, i);
}

static int64_t pg_column_int(struct sql_stmt *stmt, int i) {
    struct pg_stmt *s = of(stmt);
    return is_null(s, i) ? 0 : postgres_int(s->answer.rows, s->row, i);
}

static double pg_column_double(struct sql_stmt *stmt, int i) {
    struct pg_stmt *s = of(stmt);
    return is_null(s, i) ? 0 : postgres_double(s->answer.rows, s->row, i);
}

static const void *pg_column_bytes(struct sql_stmt *stmt, int i, size_t *n) {
    struct pg_stmt *s = of(stmt);
    const char *text = NULL;
    *n = 0;
    if (is_null(s, i))
        return NULL;
    if (!s->texts)
        s->texts = calloc((size_t)PQnfields(s->answer.rows), sizeof(*s->texts));
    if (s->texts)
        text = postgres_text(s->answer.rows, s->row, i, &s->texts[i], n);
    s->no_memory = s->no_memory || !text;
    return text;
}

static const char *pg_column_text(struct sql_stmt *stmt, int i) {
    size_t n;
    return pg_column_bytes(stmt, i, &n);
}

/*
 * The snapshot of a new statement changes with the end of any transaction that has written, in this
 * database or another one of the server's. A replica's is only as fine as what it has replayed.
 */
static int pg_version(struct sql *db, int64_t *ret) {
    struct sql_stmt *stmt;
    if (pg_prepare(db,
                   "SELECT hashtextextended(CASE WHEN pg_is_in_recovery() "
                   "THEN pg_last_wal_replay_lsn()::text "
                   "ELSE pg_current_snapshot()::text END, 0)",
                   SQL_PLAIN, &stmt) < 0)
        return -1;
    if (pg_step(stmt) == SQL_ROW)
        *ret = pg_column_int(stmt, 0);
    return pg_finalize(stmt);
}

static void pg_await(struct sql *db, int fd, int64_t deadline) {
    pg_rollback(db); /* a transaction would not hear of anything */
    postgres_await(&pg_of(db)->pipe, fd, deadline);
}

static void pg_end_with(struct sql *db, struct ending ending) {
    pg_of(db)->pipe.ending = ending;
}

static void pg_close(struct sql *db) {
    struct pg *pg = pg_of(db);
    postgres_close(&pg->pipe);
    for (size_t i = 0; i < pg->plan_count; i++)
        plan_free(pg->plans[i]);
    free(pg->plans);
    free(pg->url);
    free(pg->name);
    free(pg);
}

static const struct sql_calls calls = {
    .close = pg_close,
    .end_with = pg_end_with,
    .fail = pg_fail,
    .exec = pg_exec,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .in_transaction = pg_in_transaction,
    .version = pg_version,
    .await = pg_await,
    .prepare = pg_prepare,
    .bind_null = pg_bind_null,
    .bind_int = pg_bind_int,
    .bind_double = pg_bind_double,
    .bind_bytes = pg_bind_bytes,
    .step = pg_step,
    .reset = pg_reset,
    .finalize = pg_finalize,
    .changes = pg_changes,
    .column_count = pg_column_count,
    .column_type = pg_column_type,
    .column_int = pg_column_int,
    .column_double = pg_column_double,
    .column_text = pg_column_text,
    .column_bytes = pg_column_bytes,
};

int sql_open_postgres(const char *url, bool read, bool create, struct ending ending,
                      struct sql **ret, struct error *err) {
    struct pg *pg = calloc(1, sizeof(*pg));
    if (!pg)
        return error_memory(err);
    pg->url = strdup(url);
    pg->name = postgres_name(url);
    pg->sql = (struct sql){.calls = &calls, .engine = SQL_POSTGRES, .name = pg->name};
    pg->pipe =
        (struct postgres_pipe){.url = pg->url, .name = pg->name, .read = read, .ending = ending};
    int rc = pg->url && pg->name ? 0 : error_memory(err);
    if (rc == 0 && postgres_connected(&pg->pipe) < 0)
        rc = pg_fail(&pg->sql, err);
    if (rc == 0)
        rc = schema_postgres(&pg->sql, !read, create, err);
    if (rc < 0) {
        pg_close(&pg->sql);
        return -1;
    }
    *ret = &pg->sql;
    return 0;
}
