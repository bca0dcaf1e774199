/*
 * A file of tests has one database on PostgreSQL, and each test begins without muster's schema in
 * it: to make a database costs 80 ms, to drop a schema 10. Where a test forgot a connection that
 * holds a lock, the next one fails for want of it.
 */
#include "store_place.h"

#include "../unit/test.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define SERVER "MUSTER_TEST_POSTGRES"

static bool on_postgres;
static char database[512]; /* its URL */

/* Whether the statements went well, asked of the database at this URL. */
static bool ask(const char *url, const char *sql) {
    PGconn *c = PQconnectdb(url);
    PGresult *r = NULL;
    bool ok = PQstatus(c) == CONNECTION_OK;
    if (ok) {
        r = PQexec(c, sql);
        ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
    }
    if (!ok)
        print_error("%s: %s\n", sql, PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
    return ok;
}

bool store_place_has_postgres(void) {
    return getenv(SERVER) != NULL;
}

int store_place_on_sqlite(UNUSED void **state) {
    on_postgres = false;
    return 0;
}

int store_place_on_postgres(UNUSED void **state) {
    char server[512], sql[64];
    on_postgres = true;
    if (*database)
        return 0;
    snprintf(server, sizeof(server), "%s/postgres", getenv(SERVER));
    snprintf(database, sizeof(database), "%s/test_%d", getenv(SERVER), (int)getpid());
    snprintf(sql, sizeof(sql), "CREATE DATABASE test_%d", (int)getpid());
    return ask(server, sql) ? 0 : -1;
}

int store_place_make(struct store_place *p) {
    *p = (struct store_place){.postgres = on_postgres};
    if (!make_test_folder(p->folder) || setenv("XDG_STATE_HOME", p->folder, 1) != 0)
        return -1;
    if (on_postgres)
        strcpy(p->url, database);
    else
        snprintf(p->url, sizeof(p->url), "%s/muster.db", p->folder);
    return 0;
}

int store_place_done(struct store_place *p) {
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
    int failed = system(command);
    if (p->postgres)
        failed |=
            !ask(p->url,
                 "SET client_min_messages = error; SELECT pg_terminate_backend(pid, 5000) FROM "
                 "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();"
                 "DROP SCHEMA IF EXISTS muster CASCADE");
    return failed ? -1 : 0;
}

ssize_t store_turn_positions(struct store *s, const struct run *run, struct store_result *results,
                             size_t n, size_t max, size_t *positions, struct error *err) {
    struct store_claim *claims = calloc(max + 1, sizeof(*claims));
    assert_non_null(claims);
    ssize_t claimed = store_turn(s, run, results, n, max, claims, err);
    for (ssize_t i = 0; i < claimed; i++) {
        positions[i] = claims[i].position;
        server_done(&claims[i].server);
    }
    free(claims);
    return claimed;
}

static void change_file(const char *path, const char *sql) {
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

void store_place_sql(const struct store_place *p, const char *sql) {
    if (!p->postgres) {
        change_file(p->url, sql);
        return;
    }
    size_t size = strlen(sql) + 64;
    char *all = test_malloc(size);
    snprintf(all, size, "SET search_path TO muster; %s", sql);
    if (!ask(p->url, all))
        fail_msg("the statement failed");
    test_free(all);
}
