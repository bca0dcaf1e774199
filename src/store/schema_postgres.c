/*
 * schema_postgres: see schema_postgres.h.
 *
 * A step is a file of SQL (postgres_1.sql and so on), which the build puts into the program. The
 * version, the number of steps that were taken, is the one row of `meta`.
 */
#include "store/schema_postgres.h"

#include "base/str.h"
#include "store/postgres_1_text.h"
#include "store/postgres_2_text.h"
#include "store/postgres_3_text.h"
#include "store/postgres_4_text.h"

#include <stdio.h>

#define LOCK "7886391158894555506" /* "mstr" and "stor"; any number that nobody else takes */

#define STEP(bytes)                                                                                \
    { (const char *)(bytes), sizeof(bytes) }

static const struct {
    const char *sql;
    size_t n;
} steps[] = {
    STEP(postgres_1_text),
    STEP(postgres_2_text),
    STEP(postgres_3_text),
    STEP(postgres_4_text),
};

#define VERSION ((int64_t)ARRAY_LEN(steps))

/*
 * While a store is opened, what it lacks is the user's to mend; what comes and goes is not. Says it
 * instead of what is in *err.
 */
static int fail(struct sql *db, struct error *err) {
    sql_fail(db, err);
    err->kind = err->os ? ERROR_STORE : ERROR_USAGE;
    return -1;
}

/* The one number that a statement gives; `none` when it gives no row. */
static int ask(struct sql *db, const char *sql, int64_t none, int64_t *ret) {
    struct sql_stmt *stmt;
    if (sql_prepare(db, sql, &stmt) < 0)
        return -1;
    *ret = sql_step(stmt) == SQL_ROW ? sql_column_int(stmt, 0) : none;
    return sql_finalize(stmt);
}

/* Where there is no version: 0 when there are no tables of somebody else's either. */
static int examine(struct sql *db, int64_t *ret, struct error *err) {
    int64_t count;
    *ret = 0;
    if (ask(db,
            "SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
            "ON n.oid = c.relnamespace WHERE n.nspname = 'muster'",
            0, &count) < 0)
        return fail(db, err);
    return count == 0 ? 0
                      : error_set(err, ERROR_USAGE,
                                  "the schema muster of the store %s is of another program: name "
                                  "another database",
                                  db->name);
}

static int read_version(struct sql *db, int64_t *ret, struct error *err) {
    int64_t there;
    if (ask(db,
            "SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
            "ON n.oid = c.relnamespace WHERE n.nspname = 'muster' AND c.relname = 'meta'",
            0, &there) < 0)
        return fail(db, err);
    if (!there)
        return examine(db, ret, err);
    if (ask(db, "SELECT version FROM muster.meta", 0, ret) < 0)
        return fail(db, err);
    return *ret <= VERSION
               ? 0
               : error_set(err, ERROR_USAGE,
                           "the store %s has version %lld, and this muster knows up to %lld: use "
                           "the muster that wrote it, or a newer one",
                           db->name, (long long)*ret, (long long)VERSION);
}

/* A schema that somebody has made for the role needs no right to make one. */
static int make_schema(struct sql *db) {
    int64_t there;
    if (ask(db, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'muster'", 0, &there) < 0)
        return -1;
    return there ? 0
                 : sql_exec(db, "CREATE SCHEMA muster; COMMENT ON SCHEMA muster IS 'what muster "
                                "has measured'");
}

static int take_step(struct sql *db, size_t i) {
    cleanup(str_done) struct str sql = {0};
    str_add_bytes(&sql, steps[i].sql, steps[i].n);
    return sql_exec(db, sql.failed ? "" : sql.data);
}

static int take_steps(struct sql *db, int64_t version) {
    char set[64];
    if (version == 0 && make_schema(db) < 0)
        return -1;
    for (int64_t i = version; i < VERSION; i++)
        if (take_step(db, (size_t)i) < 0)
            return -1;
    snprintf(set, sizeof(set), "UPDATE meta SET version = %lld", (long long)VERSION);
    return sql_exec(db, set);
}

/* Two processes that begin at once: the second finds what the first has done. */
static int migrate_locked(struct sql *db, struct error *err) {
    int64_t version, ignored;
    if (ask(db, "SELECT 1 FROM pg_advisory_xact_lock(" LOCK ")", 0, &ignored) < 0)
        return fail(db, err);
    if (read_version(db, &version, err) < 0)
        return -1;
    return version == VERSION || take_steps(db, version) == 0 ? 0 : fail(db, err);
}

static int migrate(struct sql *db, int64_t version, struct error *err) {
    if (sql_begin(db, true) < 0)
        return fail(db, err);
    int rc = migrate_locked(db, err);
    if (rc == 0 && sql_commit(db) < 0)
        rc = fail(db, err);
    sql_rollback(db);
    if (rc < 0 && err->kind == ERROR_USAGE)
        error_prefix(err, version ? "cannot bring the tables up to date, which is for who "
                                    "owns them, with any muster command that writes"
                                  : "cannot make the tables, which is for who owns them");
    return rc;
}

int schema_postgres(struct sql *db, bool writing, bool create, struct error *err) {
    int64_t version;
    if (read_version(db, &version, err) < 0)
        return -1;
    if (version == VERSION)
        return 0;
    if (version == 0 && !create)
        return error_set(err, ERROR_USAGE,
                         "the store %s is empty (`muster run` makes one, --store names another)",
                         db->name);
    if (!writing)
        return error_set(err, ERROR_USAGE,
                         "the store %s has version %lld, and this muster needs %lld: who owns "
                         "the tables brings it up to date, with any muster command that writes",
                         db->name, (long long)version, (long long)VERSION);
    return migrate(db, version, err);
}
