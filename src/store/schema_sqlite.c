/*
 * schema_sqlite: see schema_sqlite.h.
 *
 * PRAGMA application_id tells a store from any other SQLite database, PRAGMA user_version is the
 * number of steps that were taken. A step is never changed once it was released: a new one follows.
 *
 * Verdicts, reasons and states are kept as words, so that the store can be read with the sqlite3
 * program. The tables of a run's servers are WITHOUT ROWID: rows lie in the order of the inventory,
 * which is the order in which they are claimed and shown. Within the store a run is its number, not
 * its id, which every row would repeat and every search compare.
 */
#include "store/schema_sqlite.h"

#define APPLICATION_ID 0x6d737472 /* "mstr" */

static const char *const steps[] = {
    /* a server that was cancelled is `pending` with a verdict: it is claimed again by a resume */
    "CREATE TABLE run ("
    "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started INTEGER NOT NULL, seconds REAL,"
    "  fanout INTEGER NOT NULL, threshold REAL NOT NULL, total INTEGER NOT NULL,"
    "  passed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,"
    "  errors INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE server ("
    "  run INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,"
    "  state TEXT NOT NULL DEFAULT 'pending', verdict TEXT, reason TEXT, detail TEXT,"
    "  attempts INTEGER, seconds REAL, facts TEXT,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;"
    "CREATE TABLE benchmark ("
    "  run INTEGER NOT NULL, position INTEGER NOT NULL, ordinal INTEGER NOT NULL,"
    "  benchmark TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT, detail TEXT, score REAL,"
    "  metric TEXT, value REAL, unit TEXT, better TEXT NOT NULL, reference REAL, threshold REAL,"
    "  trials TEXT NOT NULL, spread REAL, seconds REAL NOT NULL, metrics TEXT NOT NULL,"
    "  PRIMARY KEY (run, position, ordinal)) WITHOUT ROWID;",
    "ALTER TABLE benchmark ADD COLUMN conditions TEXT;"
    "ALTER TABLE benchmark ADD COLUMN sensors TEXT;",
    /* what a later sitting needs; who holds the run (the lock says whether); past attempts */
    "ALTER TABLE run ADD COLUMN options TEXT;"
    "ALTER TABLE run ADD COLUMN config_path TEXT;"
    "ALTER TABLE run ADD COLUMN config TEXT;"
    "ALTER TABLE run ADD COLUMN folder TEXT;"
    "ALTER TABLE run ADD COLUMN holder_pid INTEGER;"
    "ALTER TABLE run ADD COLUMN holder_host TEXT;"
    "ALTER TABLE run ADD COLUMN holder_since INTEGER;"
    "ALTER TABLE server ADD COLUMN host TEXT;" /* NULL: the name is the host */
    "ALTER TABLE server ADD COLUMN user TEXT;"
    "ALTER TABLE server ADD COLUMN port INTEGER;"
    "ALTER TABLE server ADD COLUMN identity TEXT;"
    "CREATE TABLE past_server ("
    "  run INTEGER NOT NULL, position INTEGER NOT NULL, round INTEGER NOT NULL,"
    "  verdict TEXT NOT NULL, reason TEXT, detail TEXT, attempts INTEGER, seconds REAL, facts TEXT,"
    "  PRIMARY KEY (run, position, round)) WITHOUT ROWID;"
    "CREATE TABLE past_benchmark ("
    "  run INTEGER NOT NULL, position INTEGER NOT NULL, round INTEGER NOT NULL,"
    "  ordinal INTEGER NOT NULL,"
    "  benchmark TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT, detail TEXT, score REAL,"
    "  metric TEXT, value REAL, unit TEXT, better TEXT NOT NULL, reference REAL, threshold REAL,"
    "  trials TEXT NOT NULL, spread REAL, seconds REAL NOT NULL, metrics TEXT NOT NULL,"
    "  conditions TEXT, sensors TEXT,"
    "  PRIMARY KEY (run, position, round, ordinal)) WITHOUT ROWID;",
    "ALTER TABLE benchmark ADD COLUMN flaky INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE past_benchmark ADD COLUMN flaky INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN stopped TEXT;",
    /* given_kind is the inventory's, kind what it was judged as; baselines outlive their runs */
    "ALTER TABLE server ADD COLUMN given_kind TEXT;"
    "ALTER TABLE server ADD COLUMN kind TEXT;"
    "ALTER TABLE server ADD COLUMN machine TEXT;"
    "ALTER TABLE server ADD COLUMN findings TEXT;"
    "ALTER TABLE server ADD COLUMN why TEXT;"
    "ALTER TABLE past_server ADD COLUMN kind TEXT;"
    "ALTER TABLE past_server ADD COLUMN machine TEXT;"
    "ALTER TABLE past_server ADD COLUMN findings TEXT;"
    "ALTER TABLE past_server ADD COLUMN why TEXT;"
    "ALTER TABLE benchmark ADD COLUMN reference_source TEXT;"
    "ALTER TABLE past_benchmark ADD COLUMN reference_source TEXT;"
    "ALTER TABLE run ADD COLUMN judged INTEGER NOT NULL DEFAULT 0;"
    "UPDATE run SET judged = passed + failed + errors = total;" /* what had ended still has */
    "ALTER TABLE run ADD COLUMN notes TEXT;"
    "CREATE TABLE baseline ("
    "  kind TEXT NOT NULL, benchmark TEXT NOT NULL, metric TEXT NOT NULL, unit TEXT,"
    "  better TEXT NOT NULL, median REAL NOT NULL, scale REAL NOT NULL, count INTEGER NOT NULL,"
    "  run TEXT NOT NULL, taken INTEGER NOT NULL,"
    "  PRIMARY KEY (kind, benchmark, metric)) WITHOUT ROWID;",
    /*
     * What store/links and store/series walk along; the last one's words are ROW_VALUE_COUNTS. The
     * columns that a condition names stand in the index, or SQLite looks into the row for them.
     */
    "CREATE INDEX server_name ON server (name, run, machine, state) WHERE state = 'done';"
    "CREATE INDEX server_machine ON server (machine, run, state) "
    "WHERE machine IS NOT NULL AND state = 'done';"
    "CREATE INDEX benchmark_value ON benchmark "
    "(run, benchmark, metric, unit, better, position, value, verdict, reason) "
    "WHERE value IS NOT NULL AND verdict IN ('passed', 'failed') AND "
    "reason IS NOT 'wrong-result';",
    /* what the user says of a server; store/places counts those that are claimed */
    "ALTER TABLE server ADD COLUMN site TEXT;"
    "ALTER TABLE server ADD COLUMN labels TEXT;"
    "CREATE INDEX server_claimed ON server (run, labels) "
    "WHERE state = 'claimed' AND labels IS NOT NULL;",
    /* runs that are gone, or not copied whole yet, of which other tables have rows: store/drop */
    "CREATE TABLE dropped (number INTEGER PRIMARY KEY, id TEXT NOT NULL);",
};

#define VERSION ((int)ARRAY_LEN(steps))

/* A path that is no store is the user's to mend; a disk that is full or broken is not. */
static int fail(sqlite3 *db, const char *name, const char *what, struct error *err) {
    int code = sqlite3_errcode(db);
    bool stuck = code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_NOMEM;
    if (code == SQLITE_NOTADB)
        return error_set(err, ERROR_USAGE,
                         "the store %s is not a database: name another file with --store", name);
    return error_set(err, stuck ? ERROR_STORE : ERROR_USAGE, "cannot %s the store %s: %s", what,
                     name, sqlite3_errmsg(db));
}

static int ask(sqlite3 *db, const char *name, const char *sql, int *ret, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : fail(db, name, "read", err);
}

/* Returns the version in the database, 0 for an empty one. */
static int read_version(sqlite3 *db, const char *name, struct error *err) {
    int application = 0, version = 0, tables = 0;
    if (ask(db, name, "PRAGMA application_id", &application, err) < 0 ||
        ask(db, name, "PRAGMA user_version", &version, err) < 0 ||
        ask(db, name, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
        return -1;
    if (tables == 0)
        return 0;
    if (application != APPLICATION_ID)
        return error_set(err, ERROR_USAGE,
                         "%s is a database of another program: name another file with --store",
                         name);
    if (version > VERSION)
        return error_set(err, ERROR_USAGE,
                         "the store %s has version %d, and this muster knows up to %d: use the "
                         "muster that wrote it, or a newer one",
                         name, version, VERSION);
    return version;
}

static int migrate_locked(sqlite3 *db, const char *name, struct error *err) {
    int version = read_version(db, name, err);
    if (version < 0 || version == VERSION)
        return version < 0 ? -1 : 0;
    for (; version < VERSION; version++)
        if (sqlite3_exec(db, steps[version], NULL, NULL, NULL) != SQLITE_OK)
            return fail(db, name, "migrate", err);
    char pragmas[96];
    sqlite3_snprintf(sizeof(pragmas), pragmas,
                     "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
                     VERSION);
    if (sqlite3_exec(db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
        return fail(db, name, "migrate", err);
    return 0;
}

int schema_migrate(sqlite3 *db, const char *name, bool writing, struct error *err) {
    /* first, so that another program's database stays as it is, its journal mode included */
    int version = read_version(db, name, err);
    if (version < 0 || (version == VERSION && !writing))
        return version < 0 ? -1 : 0;
    if (version == 0 && !writing)
        return error_set(err, ERROR_USAGE,
                         "the store %s is empty (`muster run` makes one, --store names another)",
                         name);
    if (sqlite3_exec(db, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE", NULL, NULL, NULL) !=
        SQLITE_OK)
        return fail(db, name, "write to", err);
    if (migrate_locked(db, name, err) < 0) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return -1;
    }
    if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return fail(db, name, "write to", err);
    return 0;
}
