/* history: see history.h. What one server did in every run; store/series has many servers' values.
 */
#include "store/history.h"

#include "base/clock.h"
#include "base/vec.h"
#include "store/links.h"
#include "store/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SELECT_NEWEST                                                                              \
    "SELECT s.run, s.name, s.machine FROM server AS s INDEXED BY server_name "                     \
    "WHERE s.name = ? AND s.state = 'done' AND EXISTS (SELECT 1 FROM run WHERE number = s.run) "   \
    "ORDER BY s.run DESC LIMIT 1"
/* its name in the newest later run that has the machine once, unless that first run has it twice */
#define ROW_OF_MACHINE                                                                             \
    "FROM server INDEXED BY server_machine WHERE machine = ?1 AND machine IS NOT NULL "            \
    "AND state = 'done' "
#define SELECT_RENAMED                                                                             \
    "SELECT run, min(name) " ROW_OF_MACHINE                                                        \
    "AND run > ?2 AND 1 = (SELECT count(*) " ROW_OF_MACHINE                                        \
    "AND run = ?2) GROUP BY run HAVING count(*) = 1 ORDER BY run DESC LIMIT 1"
#define SELECT_RUN "SELECT id, started FROM run WHERE number = ?"
#define SELECT_SERVER "SELECT name, verdict, reason FROM server WHERE run = ? AND position = ?"
/* the first name behind another one: a search each, where DISTINCT would read every run's names */
#define SELECT_NAME_AFTER                                                                          \
    "SELECT name FROM server INDEXED BY server_name WHERE state = 'done' AND name > ? AND "        \
    "EXISTS (SELECT 1 FROM run WHERE number = server.run) ORDER BY name LIMIT 1"
#define SELECT_BENCHMARKS                                                                          \
    "SELECT benchmark, verdict, reason, score, metric, unit, value, spread, better, "              \
    "flaky, " ROW_VALUE_COUNTS " FROM benchmark WHERE run = ? AND position = ? ORDER BY ordinal"

/* The statements that read one run after another. */
struct reader {
    struct store *s;
    struct links links;
    struct sql_stmt *run, *server, *benchmarks;
    const char *benchmark; /* the one that is wanted, or NULL */
};

static void reader_done(struct reader *r) {
    links_done(&r->links);
    sql_finalize(r->run);
    sql_finalize(r->server);
    sql_finalize(r->benchmarks);
}

static int reader_open(struct store *s, int64_t newest, const char *benchmark, struct reader *ret,
                       struct error *err) {
    *ret = (struct reader){.s = s, .benchmark = benchmark};
    return links_open(s, newest, &ret->links, err) < 0 ||
                   database_prepare(s, SELECT_RUN, &ret->run, err) < 0 ||
                   database_prepare(s, SELECT_SERVER, &ret->server, err) < 0 ||
                   database_prepare(s, SELECT_BENCHMARKS, &ret->benchmarks, err) < 0
               ? -1
               : 0;
}

/* The one row of a statement about a row of a server; it is there, or it is an error. */
static int step_to(struct reader *r, struct sql_stmt *stmt, const struct link *at,
                   struct error *err) {
    sql_bind_int(stmt, 1, at->run);
    if (stmt != r->run)
        sql_bind_int(stmt, 2, at->position);
    int rc = sql_step(stmt);
    if (rc == SQL_ROW)
        return 0;
    return rc == SQL_DONE ? error_set(err, ERROR_STORE, "the store %s has lost a row of a server",
                                      r->s->db->name)
                          : database_fail(r->s, err);
}

/* What every value of the run has. */
static int read_run(struct reader *r, const struct link *at, struct history_value *ret,
                    struct error *err) {
    const char *id;
    *ret = (struct history_value){.score = NAN, .value = NAN, .spread = NAN};
    if (step_to(r, r->run, at, err) < 0 || row_borrow_text(r->run, 0, &id, err) < 0)
        return -1;
    snprintf(ret->run, sizeof(ret->run), "%s", id ? id : "");
    ret->started = sql_column_int(r->run, 1);
    return sql_reset(r->run) == 0 ? 0 : database_fail(r->s, err);
}

static int read_name(struct reader *r, struct history_value *ret, struct error *err) {
    return row_read_name(r->server, 0, &ret->server, err);
}

static int read_benchmark(struct sql_stmt *stmt, struct history_value *ret, struct error *err) {
    const char *better;
    if (row_read_name(stmt, 0, &ret->benchmark, err) < 0 ||
        row_read_verdict(stmt, 1, &ret->verdict, &ret->reason, err) < 0 ||
        row_read_printable(stmt, 4, &ret->metric, err) < 0 ||
        row_read_printable(stmt, 5, &ret->unit, err) < 0 ||
        row_borrow_text(stmt, 8, &better, err) < 0)
        return -1;
    ret->score = sql_column_double(stmt, 3);
    ret->value = sql_column_double(stmt, 6);
    ret->spread = sql_column_double(stmt, 7);
    ret->lower_is_better = better && strcmp(better, "lower") == 0;
    ret->flaky = sql_column_int(stmt, 9) != 0;
    ret->counts = sql_column_int(stmt, 10) != 0 && isfinite(ret->value);
    return 0;
}

/* Whether the run is one whose values are compared with those of the newest one. */
static bool is_alike(const struct reader *r, int64_t run) {
    const struct links_run *this = links_run(&r->links, run);
    return this && this->like == r->links.runs[r->links.run_count - 1].like;
}

static struct history_value *add(struct history *h, const struct history_value *like) {
    if (vec_reserve(&h->values, &h->cap, h->count + 1, sizeof(*h->values)) < 0)
        return NULL;
    h->values[h->count] = *like;
    return &h->values[h->count++];
}

static bool is_wanted(struct reader *r) {
    const char *name = sql_column_text(r->benchmarks, 0);
    return !r->benchmark || (name && strcmp(name, r->benchmark) == 0);
}

/* Adds what one run has of the server; a run without a benchmark adds its verdict alone. */
static int add_run(struct reader *r, const struct link *at, struct history *h, struct error *err) {
    struct history_value run, *v;
    bool any = false;
    if (read_run(r, at, &run, err) < 0 || step_to(r, r->server, at, err) < 0)
        return -1;
    sql_bind_int(r->benchmarks, 1, at->run);
    sql_bind_int(r->benchmarks, 2, at->position);
    while (sql_step(r->benchmarks) == SQL_ROW) {
        any = true;
        if (!is_wanted(r))
            continue;
        if (!(v = add(h, &run)))
            return error_memory(err);
        if (read_name(r, v, err) < 0 || read_benchmark(r->benchmarks, v, err) < 0)
            return -1;
        v->counts &= is_alike(r, at->run);
    }
    if (sql_reset(r->benchmarks) < 0)
        return database_fail(r->s, err);
    if (!any) {
        if (!(v = add(h, &run)))
            return error_memory(err);
        if (read_name(r, v, err) < 0 ||
            row_read_verdict(r->server, 1, &v->verdict, &v->reason, err) < 0)
            return -1;
    }
    return sql_reset(r->server) == 0 ? 0 : database_fail(r->s, err);
}

/* The newest row of this name: what the server is known by. */
static int find(struct store *s, const char *server, int64_t *run, struct history *ret,
                struct error *err) {
    struct sql_stmt *stmt;
    if (database_prepare(s, SELECT_NEWEST, &stmt, err) < 0)
        return -1;
    sql_bind_text(stmt, 1, server);
    bool found = sql_step(stmt) == SQL_ROW;
    int rc = 0;
    if (found) {
        *run = sql_column_int(stmt, 0);
        rc = row_read_name(stmt, 1, &ret->server, err);
        if (rc == 0)
            rc = row_read_printable(stmt, 2, &ret->machine, err);
    }
    if (sql_finalize(stmt) < 0 && rc == 0)
        return database_fail(s, err);
    if (rc == 0 && !found)
        return error_set(err, ERROR_USAGE, "no run in the store %s has judged a server '%.100s'",
                         s->db->name, server);
    return rc;
}

/* What the server was renamed to since, which is what it is called now. */
static int follow(struct store *s, int64_t *run, struct history *h, struct error *err) {
    struct sql_stmt *stmt;
    int rc = 0;
    if (!h->machine)
        return 0;
    if (database_prepare(s, SELECT_RENAMED, &stmt, err) < 0)
        return -1;
    sql_bind_text(stmt, 1, h->machine);
    sql_bind_int(stmt, 2, *run);
    if (sql_step(stmt) == SQL_ROW) {
        *run = sql_column_int(stmt, 0);
        free(h->server);
        h->server = NULL;
        rc = row_read_name(stmt, 1, &h->server, err);
    }
    if (sql_finalize(stmt) < 0 && rc == 0)
        return database_fail(s, err);
    return rc;
}

int store_history(struct store *s, const char *server, const char *benchmark, struct history *ret,
                  struct error *err) {
    cleanup(history_done) struct history h = {0};
    cleanup(reader_done) struct reader reader = {0};
    cleanup(free_ptr) struct link *rows = NULL;
    int64_t run = 0;
    if (find(s, server, &run, &h, err) < 0 || follow(s, &run, &h, err) < 0 ||
        reader_open(s, run, benchmark, &reader, err) < 0)
        return -1;
    size_t max = reader.links.run_count;
    if (!(rows = calloc(max + 1, sizeof(*rows))))
        return error_memory(err);
    ssize_t n = links_find(&reader.links, h.server, h.machine, false, max, rows, err);
    if (n < 0)
        return -1;
    h.run_count = (size_t)n;
    for (size_t i = h.run_count; i-- > 0;)
        if (add_run(&reader, &rows[i], &h, err) < 0)
            return -1;
    *ret = h;
    h = (struct history){0};
    return 0;
}

/* Adds the name behind the last one; 0 when there is none, 1, or -1. */
static int add_next_name(struct store *s, struct sql_stmt *stmt, struct store_names *names,
                         struct error *err) {
    if (vec_reserve(&names->items, &names->cap, names->count + 2, sizeof(*names->items)) < 0)
        return error_memory(err);
    names->items[names->count] = NULL;
    sql_bind_text(stmt, 1, names->count ? names->items[names->count - 1] : "");
    int rc = sql_step(stmt) == SQL_ROW;
    if (rc && row_read_text(stmt, 0, &names->items[names->count], err) < 0)
        rc = -1;
    if (sql_reset(stmt) < 0 && rc >= 0)
        return database_fail(s, err);
    names->count += rc > 0;
    names->items[names->count] = NULL;
    return rc;
}

int store_server_names(struct store *s, struct store_names *ret, struct error *err) {
    cleanup(store_names_done) struct store_names names = {0};
    struct sql_stmt *stmt;
    if (database_prepare(s, SELECT_NAME_AFTER, &stmt, err) < 0)
        return -1;
    int rc;
    while ((rc = add_next_name(s, stmt, &names, err)) > 0)
        ;
    sql_finalize(stmt);
    if (rc < 0)
        return -1;
    *ret = names;
    names = (struct store_names){0};
    return 0;
}

void store_names_done(struct store_names *n) {
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i]);
    free(n->items);
    *n = (struct store_names){0};
}
