/*
 * sql: a database, as the store asks it: transactions and statements, on SQLite or PostgreSQL. For
 * the store's own files.
 *
 * Statements are written once, in the SQL that both know. A parameter is `?`, or `?1` and so on;
 * `INDEXED BY name` is for SQLite and left out elsewhere. What cannot be said in one form is said
 * in two, chosen by `engine`.
 *
 * A value that a row does not have is NULL, which reads as 0, NAN or no text. Numbers are 64 bits
 * wide, truth values are 1 or 0.
 *
 * Errors: a function that fails returns -1, and sql_fail() says why. Reading a column cannot fail
 * but for want of memory, which shows when the statement is reset or freed.
 *
 * Threads: a database belongs to one thread.
 */
#pragma once

#include "base/error.h"
#include "sync/ending.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql_engine { SQL_SQLITE, SQL_POSTGRES };

/* A row is there; there is none, or no more. */
enum { SQL_DONE = 0, SQL_ROW = 1 };

/* What a statement was prepared for. */
enum sql_use { SQL_PLAIN, SQL_WALK, SQL_BULK };

enum sql_type { SQL_NULL, SQL_INT, SQL_DOUBLE, SQL_TEXT };

struct sql_calls;

/* Each engine's begin with these. */
struct sql {
    const struct sql_calls *calls;
    enum sql_engine engine;
    const char *name; /* what sentences call the store; borrowed from who opened it */
};

struct sql_stmt {
    struct sql *db;
};

/*
 * Opens the file, which is there or, with `create`, is made with its tables (store/schema.h), to be
 * read only, or for changes. Failing, *err is as store_open() has it.
 */
int sql_open_sqlite(const char *path, bool read, bool create, struct sql **ret,
                    struct error *err) must_use;

/*
 * Connects to a database of PostgreSQL: a URL (postgresql://...), to which libpq adds what PG*
 * variables, a service and the password file say. The same in all else; `ending` as sql_end_with()
 * has it.
 */
int sql_open_postgres(const char *url, bool read, bool create, struct ending ending,
                      struct sql **ret, struct error *err) must_use;

/*
 * What ends the waits for a server, from now on: what is not answered for its moment then fails as
 * if the connection was lost. Nobody waits for SQLite.
 */
void sql_end_with(struct sql *db, struct ending ending);

/* NULL is allowed. All statements must have been freed. */
void sql_close(struct sql *db);

/* Says in *err what went wrong last, with what there is to do about it. Returns -1. */
int sql_fail(struct sql *db, struct error *err);

/* Runs statements without parameters, divided by semicolons. */
int sql_exec(struct sql *db, const char *sql) must_use;

/*
 * A transaction that writes, or one that only reads: all of that is of one moment. A transaction
 * whose begin or commit failed is undone. With PostgreSQL, statements of a transaction that writes
 * and return no rows are sent without waiting; one that fails shows by sql_commit() at the latest.
 */
int sql_begin(struct sql *db, bool write) must_use;
int sql_commit(struct sql *db) must_use;
void sql_rollback(struct sql *db);
bool sql_in_transaction(struct sql *db);

/*
 * A number that is another one once somebody has changed anything in the store. Outside of a
 * transaction.
 */
int sql_version(struct sql *db, int64_t *ret) must_use;

/*
 * Waits until another connection has notified the channel `muster`, `fd` is readable, or the
 * deadline has passed. SQLite has no such thing: there it is one of the other two. A connection
 * that is lost ends nothing.
 */
void sql_await(struct sql *db, int fd, int64_t deadline);

/*
 * A statement. `walk`: it may give many rows, and other statements run while it is read; then it is
 * read within a transaction, and ends with it.
 */
int sql_prepare(struct sql *db, const char *sql, struct sql_stmt **ret) must_use;
int sql_prepare_walk(struct sql *db, const char *sql, struct sql_stmt **ret) must_use;

/*
 * An INSERT INTO table (columns) VALUES (?, ...) of which many run in one transaction. Its rows may
 * be written later than what is stepped after them, but before the next statement that returns
 * rows, and before sql_commit().
 */
int sql_prepare_bulk(struct sql *db, const char *sql, struct sql_stmt **ret) must_use;

/* From 1. Texts and bytes are borrowed until the statement was stepped; NULL: no value. */
void sql_bind_null(struct sql_stmt *stmt, int i);
void sql_bind_int(struct sql_stmt *stmt, int i, int64_t value);
void sql_bind_double(struct sql_stmt *stmt, int i, double value);
void sql_bind_text(struct sql_stmt *stmt, int i, const char *text);
void sql_bind_text_n(struct sql_stmt *stmt, int i, const char *text, size_t n);
void sql_bind_bytes(struct sql_stmt *stmt, int i, const void *data, size_t n);

/* Returns SQL_ROW, SQL_DONE or -1. */
int sql_step(struct sql_stmt *stmt);

/* Makes it ready to be bound, in part, and stepped again. -1 when the last step had failed. */
int sql_reset(struct sql_stmt *stmt);

/* NULL is allowed. -1 when the last step had failed. */
int sql_finalize(struct sql_stmt *stmt);

/* How many rows the statement changed that was stepped last. */
int64_t sql_changes(struct sql_stmt *stmt);

/* Of the current row, from 0. Texts stay until the next step; they end with a NUL. */
int sql_column_count(struct sql_stmt *stmt);
enum sql_type sql_column_type(struct sql_stmt *stmt, int i);
int64_t sql_column_int(struct sql_stmt *stmt, int i);
double sql_column_double(struct sql_stmt *stmt, int i);
const char *sql_column_text(struct sql_stmt *stmt, int i);
const void *sql_column_bytes(struct sql_stmt *stmt, int i, size_t *n);

/* What an engine is. */
struct sql_calls {
    void (*close)(struct sql *db);
    void (*end_with)(struct sql *db, struct ending ending); /* NULL: nothing is waited for */
    int (*fail)(struct sql *db, struct error *err);
    int (*exec)(struct sql *db, const char *sql);
    int (*begin)(struct sql *db, bool write);
    int (*commit)(struct sql *db);
    void (*rollback)(struct sql *db);
    bool (*in_transaction)(struct sql *db);
    int (*version)(struct sql *db, int64_t *ret);
    void (*await)(struct sql *db, int fd, int64_t deadline);
    int (*prepare)(struct sql *db, const char *sql, enum sql_use use, struct sql_stmt **ret);
    void (*bind_null)(struct sql_stmt *stmt, int i);
    void (*bind_int)(struct sql_stmt *stmt, int i, int64_t value);
    void (*bind_double)(struct sql_stmt *stmt, int i, double value);
    void (*bind_bytes)(struct sql_stmt *stmt, int i, const void *data, size_t n, bool text);
    int (*step)(struct sql_stmt *stmt);
    int (*reset)(struct sql_stmt *stmt);
    int (*finalize)(struct sql_stmt *stmt);
    int64_t (*changes)(struct sql_stmt *stmt);
    int (*column_count)(struct sql_stmt *stmt);
    enum sql_type (*column_type)(struct sql_stmt *stmt, int i);
    int64_t (*column_int)(struct sql_stmt *stmt, int i);
    double (*column_double)(struct sql_stmt *stmt, int i);
    const char *(*column_text)(struct sql_stmt *stmt, int i);
    const void *(*column_bytes)(struct sql_stmt *stmt, int i, size_t *n);
};
