/*
 * sql_sqlite: SQLite as the store has it: one connection, in WAL mode, every transaction on disk
 * when it was committed (synchronous = FULL).
 *
 * A reader holds what it read in one transaction, however long it takes to print it. A writer waits
 * for another process that holds the database, for BUSY_MS at most.
 */
#include "store/sql.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "store/schema_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BUSY_MS 10000 /* how long another process may hold the database */

struct lite {
    struct sql sql;
    sqlite3 *db;
    bool removed;   /* the file, while it was in use */
    bool no_memory; /* for a statement */
};

struct lite_stmt {
    struct sql_stmt stmt;
    sqlite3_stmt *of;
};

static struct lite *lite_of(struct sql *db) {
    return (struct lite *)db;
}

static sqlite3_stmt *of(struct sql_stmt *stmt) {
    return ((struct lite_stmt *)stmt)->of;
}

/* What to do about an error of SQLite's. */
static const char *remedy(int code) {
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ": make room; what is in it is kept, and `muster resume` goes on with a run";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ": another process is writing to it; try again when that is done";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return ": may you write to it and to its folder?";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ": it is damaged; `sqlite3 STORE .recover` saves what can be read";
    default:
        return "";
    }
}

static int lite_fail(struct sql *db, struct error *err) {
    struct lite *l = lite_of(db);
    if (l->removed)
        return error_set(err, ERROR_STORE, "the store %s was removed while it was in use",
                         db->name);
    if (l->no_memory) {
        l->no_memory = false;
        return error_memory(err);
    }
    int code = sqlite3_extended_errcode(l->db);
    error_set(err, ERROR_STORE, "the store %s: %s%s", db->name, sqlite3_errmsg(l->db),
              remedy(code));
    if (code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
        err->os = ENOMEM;
    return -1;
}

static int lite_exec(struct sql *db, const char *sql) {
    return sqlite3_exec(lite_of(db)->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static bool lite_in_transaction(struct sql *db) {
    return !sqlite3_get_autocommit(lite_of(db)->db);
}

static void lite_rollback(struct sql *db) {
    (void)lite_exec(db, "ROLLBACK");
}

static int lite_begin(struct sql *db, bool write) {
    if (lite_in_transaction(db)) /* there was no memory to undo the one before */
        lite_rollback(db);
    return lite_exec(db, write ? "BEGIN IMMEDIATE" : "BEGIN");
}

/* A file that was removed takes writes as before, and nobody will ever read them. */
static bool was_removed(struct lite *l) {
    int moved = 0;
    sqlite3_file_control(l->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved;
}

static int lite_commit(struct sql *db) {
    struct lite *l = lite_of(db);
    if (lite_exec(db, "COMMIT") < 0)
        return -1;
    l->removed = was_removed(l);
    return l->removed ? -1 : 0;
}

/* SQLite tells by a number whether other connections have committed anything. */
static int lite_version(struct sql *db, int64_t *ret) {
    struct lite *l = lite_of(db);
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(l->db, "PRAGMA data_version", -1, &stmt, NULL) != SQLITE_OK)
        return -1;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    return sqlite3_finalize(stmt) == SQLITE_OK ? 0 : -1;
}

static void lite_await(__attribute__((unused)) struct sql *db, int fd, int64_t deadline) {
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    poll(&readable, 1, deadline_left_ms(deadline));
}

static int lite_prepare(struct sql *db, const char *sql, __attribute__((unused)) enum sql_use use,
                        struct sql_stmt **ret) {
    struct lite_stmt *stmt = calloc(1, sizeof(*stmt));
    lite_of(db)->no_memory = !stmt;
    if (!stmt || sqlite3_prepare_v3(lite_of(db)->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->of,
                                    NULL) != SQLITE_OK) {
        free(stmt);
        return -1;
    }
    stmt->stmt.db = db;
    *ret = &stmt->stmt;
    return 0;
}

static void lite_bind_null(struct sql_stmt *stmt, int i) {
    sqlite3_bind_null(of(stmt), i);
}

static void lite_bind_int(struct sql_stmt *stmt, int i, int64_t value) {
    sqlite3_bind_int64(of(stmt), i, value);
}

static void lite_bind_double(struct sql_stmt *stmt, int i, double value) {
    sqlite3_bind_double(of(stmt), i, value);
}

static void lite_bind_bytes(struct sql_stmt *stmt, int i, const void *data, size_t n, bool text) {
    if (text)
        sqlite3_bind_text(of(stmt), i, data, (int)n, SQLITE_STATIC);
    else
        sqlite3_bind_blob(of(stmt), i, data, (int)n, SQLITE_STATIC);
}

static int lite_step(struct sql_stmt *stmt) {
    int rc = sqlite3_step(of(stmt));
    return rc == SQLITE_ROW ? SQL_ROW : rc == SQLITE_DONE ? SQL_DONE : -1;
}

static int lite_reset(struct sql_stmt *stmt) {
    return sqlite3_reset(of(stmt)) == SQLITE_OK ? 0 : -1;
}

static int lite_finalize(struct sql_stmt *stmt) {
    int rc = sqlite3_finalize(of(stmt));
    free(stmt);
    return rc == SQLITE_OK ? 0 : -1;
}

static int64_t lite_changes(struct sql_stmt *stmt) {
    return sqlite3_changes(lite_of(stmt->db)->db);
}

static int lite_column_count(struct sql_stmt *stmt) {
    return sqlite3_column_count(of(stmt));
}

static enum sql_type lite_column_type(struct sql_stmt *stmt, int i) {
    switch (sqlite3_column_type(of(stmt), i)) {
    case SQLITE_NULL:
        return SQL_NULL;
    case SQLITE_INTEGER:
        return SQL_INT;
    case SQLITE_FLOAT:
        return SQL_DOUBLE;
    default:
        return SQL_TEXT;
    }
}

static int64_t lite_column_int(struct sql_stmt *stmt, int i) {
    return sqlite3_column_int64(of(stmt), i);
}

static double lite_column_double(struct sql_stmt *stmt, int i) {
    return sqlite3_column_double(of(stmt), i);
}

static const char *lite_column_text(struct sql_stmt *stmt, int i) {
    return (const char *)sqlite3_column_text(of(stmt), i);
}

static const void *lite_column_bytes(struct sql_stmt *stmt, int i, size_t *n) {
    const void *data = sqlite3_column_blob(of(stmt), i);
    *n = (size_t)sqlite3_column_bytes(of(stmt), i);
    return data;
}

static void lite_close(struct sql *db) {
    sqlite3_close(lite_of(db)->db);
    free(db);
}

static const struct sql_calls calls = {
    .close = lite_close,
    .fail = lite_fail,
    .exec = lite_exec,
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .in_transaction = lite_in_transaction,
    .version = lite_version,
    .await = lite_await,
    .prepare = lite_prepare,
    .bind_null = lite_bind_null,
    .bind_int = lite_bind_int,
    .bind_double = lite_bind_double,
    .bind_bytes = lite_bind_bytes,
    .step = lite_step,
    .reset = lite_reset,
    .finalize = lite_finalize,
    .changes = lite_changes,
    .column_count = lite_column_count,
    .column_type = lite_column_type,
    .column_int = lite_column_int,
    .column_double = lite_column_double,
    .column_text = lite_column_text,
    .column_bytes = lite_column_bytes,
};

static int make_folder(const char *path, struct error *err) {
    cleanup(free_ptr) char *folder = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
    if (!folder)
        return error_memory(err);
    if (fd_make_folders(folder, err) < 0) {
        err->kind = ERROR_USAGE;
        return error_prefix(err, "the store %s", path);
    }
    return 0;
}

/*
 * A new database is its owner's alone, with the files that SQLite puts beside it: configurations
 * may hold what is nobody else's business. What cannot be made is for SQLite to say.
 */
static void make_private(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    fd_close(&fd);
}

/* Whether nobody can change the database, and all of it is in its file: nothing in its log. */
static bool is_frozen(const char *path) {
    struct statvfs system;
    struct stat st;
    cleanup(str_done) struct str log = {0};
    str_addf(&log, "%s-wal", path);
    return !log.failed && statvfs(path, &system) == 0 && system.f_flag & ST_RDONLY &&
           (stat(log.data, &st) < 0 || st.st_size == 0);
}

/*
 * Opens the file. Where nothing can be written SQLite would have no place for the index of its log,
 * so there a reader tells it that it needs neither, in the form of an URI.
 */
static int connect_to(struct lite *l, bool read, int flags) {
    const char *path = l->sql.name;
    cleanup(str_done) struct str uri = {0};
    if (!read || !is_frozen(path))
        return sqlite3_open_v2(path, &l->db, flags, NULL);
    str_add(&uri, "file:");
    for (const char *p = path; *p; p++)
        if (strchr("%?#", *p))
            str_addf(&uri, "%%%02x", (unsigned char)*p);
        else
            str_add_char(&uri, *p);
    str_add(&uri, "?immutable=1");
    return uri.failed ? SQLITE_NOMEM
                      : sqlite3_open_v2(uri.data, &l->db, flags | SQLITE_OPEN_URI, NULL);
}

/*
 * What the system says of a file that cannot be opened, which is more than SQLite does; 0: nothing.
 * SQLite goes on without leave to write, and misses the files beside it then.
 */
static int system_error(struct lite *l) {
    int os = sqlite3_system_errno(l->db);
    cleanup(free_ptr) char *folder =
        strndup(l->sql.name, (size_t)(strrchr(l->sql.name, '/') - l->sql.name + 1));
    if (os != ENOENT || !folder)
        return os;
    return access(folder, W_OK) < 0 ? errno : 0;
}

static int fail_to_open(struct lite *l, struct error *err) {
    int code = sqlite3_errcode(l->db);
    bool stuck = code == SQLITE_FULL || code == SQLITE_IOERR;
    enum error_kind kind = stuck ? ERROR_STORE : ERROR_USAGE;
    int os = stuck || code == SQLITE_CANTOPEN ? system_error(l) : 0;
    if (os)
        return error_os(err, kind, os, "cannot open the store %s", l->sql.name);
    return error_set(err, kind, "cannot open the store %s: %s", l->sql.name, sqlite3_errmsg(l->db));
}

static int open_file(struct lite *l, bool read, bool create, struct error *err) {
    const char *path = l->sql.name;
    struct stat st;
    if (stat(path, &st) < 0 && !create)
        return error_os(err, ERROR_USAGE, errno,
                        "no store at %s (`muster run` makes one, --store names another)", path);
    if (create && make_folder(path, err) < 0)
        return -1;
    if (create)
        make_private(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    int rc = connect_to(l, read, flags);
    if (rc == SQLITE_NOMEM)
        return error_memory(err);
    sqlite3_busy_timeout(l->db, BUSY_MS);
    if (rc != SQLITE_OK || lite_exec(&l->sql, "PRAGMA synchronous = FULL") < 0)
        return fail_to_open(l, err);
    return schema_migrate(l->db, path, !read, err);
}

int sql_open_sqlite(const char *path, bool read, bool create, struct sql **ret, struct error *err) {
    /*
     * Its count of allocations takes a lock for each; what a claim of thousands of servers would
     * need to be undone goes to a file in /var/tmp, which may be full. Too late, harmlessly, once
     * SQLite is in use.
     */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
    struct lite *l = calloc(1, sizeof(*l));
    if (!l)
        return error_memory(err);
    l->sql = (struct sql){.calls = &calls, .engine = SQL_SQLITE, .name = path};
    if (open_file(l, read, create, err) < 0) {
        lite_close(&l->sql);
        return -1;
    }
    *ret = &l->sql;
    return 0;
}
