/*
 * expected: what store_expected() tells: how long servers will take, by what they took.
 *
 * A server that is yet to be measured has a name and no machine. The newest run that knows one of
 * this name tells it, and from there on its rows are found as those of any server (store/links).
 * Where that run has the machine more than once, all of a batch of cloned disks perhaps, the name
 * is all there is to go by.
 */
#include "store/history.h"

#include "base/vec.h"
#include "model/stats.h"
#include "store/links.h"
#include "store/rows.h"

#include <math.h>
#include <string.h>

#define LOOKED_AT 10 /* rows of a server, at most: those of a year ago tell nothing */

#define SELECT_PENDING                                                                             \
    "SELECT position, name FROM server WHERE run = ? AND state <> 'done' ORDER BY position"
#define SELECT_MACHINE                                                                             \
    "SELECT run, machine FROM server INDEXED BY server_name WHERE name = ?1 AND run <= ?2 AND "    \
    "state = 'done' AND machine IS NOT NULL ORDER BY run DESC LIMIT 1"
#define SELECT_SAME_MACHINE                                                                        \
    "SELECT 1 FROM server INDEXED BY server_machine WHERE machine = ?1 AND run = ?2 AND "          \
    "machine IS NOT NULL AND state = 'done' LIMIT 2"
/* not of a server with which there was no session, or not to the end */
#define SELECT_SECONDS                                                                             \
    "SELECT seconds FROM server WHERE run = ?1 AND position = ?2 AND coalesce(reason, '') NOT IN " \
    "('unreachable', 'host-key', 'auth', 'connection-lost', 'busy', 'internal')"
#define SELECT_BENCHMARKS                                                                          \
    "SELECT benchmark, seconds FROM benchmark WHERE run = ?1 AND position = ?2"

enum { PENDING, MACHINE, SAME_MACHINE, SECONDS, BENCHMARKS, STATEMENTS };

static const char *const sql[STATEMENTS] = {
    [PENDING] = SELECT_PENDING,           [MACHINE] = SELECT_MACHINE,
    [SAME_MACHINE] = SELECT_SAME_MACHINE, [SECONDS] = SELECT_SECONDS,
    [BENCHMARKS] = SELECT_BENCHMARKS,
};

struct expecting {
    struct store *s;
    int64_t run;
    struct links links;
    struct sql_stmt *statements[STATEMENTS];
    const char *const *benchmarks;
    size_t benchmark_count;
    struct history_expected *items;
    size_t count, cap;
};

static void expecting_done(struct expecting *e) {
    for (size_t i = 0; i < STATEMENTS; i++)
        sql_finalize(e->statements[i]);
    links_done(&e->links);
    free(e->items);
}

static int reset(struct expecting *e, struct sql_stmt *stmt, struct error *err) {
    return sql_reset(stmt) == 0 ? 0 : database_fail(e->s, err);
}

static int is_shared(struct expecting *e, const char *machine, int64_t run, bool *ret,
                     struct error *err) {
    struct sql_stmt *stmt = e->statements[SAME_MACHINE];
    sql_bind_text(stmt, 1, machine);
    sql_bind_int(stmt, 2, run);
    *ret = sql_step(stmt) == SQL_ROW && sql_step(stmt) == SQL_ROW;
    return reset(e, stmt, err);
}

/* Sets *ret to a copy of what is told by the newest run that knows, or NULL. */
static int find_machine(struct expecting *e, const char *name, char **ret, struct error *err) {
    struct sql_stmt *stmt = e->statements[MACHINE];
    bool shared = false;
    sql_bind_text(stmt, 1, name);
    sql_bind_int(stmt, 2, e->run);
    int rc = 0;
    if (sql_step(stmt) == SQL_ROW) {
        rc = row_read_text(stmt, 1, ret, err);
        if (rc == 0 && *ret)
            rc = is_shared(e, *ret, sql_column_int(stmt, 0), &shared, err);
    }
    if (shared) {
        free(*ret);
        *ret = NULL;
    }
    return rc < 0 ? rc : reset(e, stmt, err);
}

static bool is_wanted(const struct expecting *e, const char *benchmark) {
    for (size_t i = 0; i < e->benchmark_count; i++)
        if (strcmp(e->benchmarks[i], benchmark) == 0)
            return true;
    return false;
}

/* Takes the benchmarks that are not wanted off *seconds; NAN when not all are there that are. */
static int trim(struct expecting *e, const struct link *at, double *seconds, struct error *err) {
    struct sql_stmt *stmt = e->statements[BENCHMARKS];
    size_t found = 0;
    sql_bind_int(stmt, 1, at->run);
    sql_bind_int(stmt, 2, at->position);
    while (sql_step(stmt) == SQL_ROW) {
        const char *name = sql_column_text(stmt, 0);
        if (name && is_wanted(e, name))
            found++;
        else
            *seconds -= sql_column_double(stmt, 1);
    }
    if (found < e->benchmark_count)
        *seconds = NAN;
    return reset(e, stmt, err);
}

/* What the server took in this row; NAN when it does not tell. */
static int read_row(struct expecting *e, const struct link *at, double *ret, struct error *err) {
    struct sql_stmt *stmt = e->statements[SECONDS];
    sql_bind_int(stmt, 1, at->run);
    sql_bind_int(stmt, 2, at->position);
    *ret = sql_step(stmt) == SQL_ROW ? sql_column_double(stmt, 0) : NAN;
    if (reset(e, stmt, err) < 0)
        return -1;
    return isnan(*ret) ? 0 : trim(e, at, ret, err);
}

static int expect(struct expecting *e, const char *name, double *ret, struct error *err) {
    cleanup(free_ptr) char *machine = NULL;
    struct link links[LOOKED_AT];
    double took[HISTORY_EXPECTED];
    size_t n = 0;
    if (find_machine(e, name, &machine, err) < 0)
        return -1;
    ssize_t rows = links_find(&e->links, name, machine, true, LOOKED_AT, links, err);
    if (rows < 0)
        return -1;
    for (ssize_t i = 0; i < rows && n < HISTORY_EXPECTED; i++) {
        if (read_row(e, &links[i], &took[n], err) < 0)
            return -1;
        n += !isnan(took[n]);
    }
    *ret = stats_median(took, n);
    return 0;
}

static int add_server(struct expecting *e, struct sql_stmt *pending, struct error *err) {
    const char *name;
    if (row_borrow_text(pending, 1, &name, err) < 0)
        return -1;
    if (vec_reserve(&e->items, &e->cap, e->count + 1, sizeof(*e->items)) < 0)
        return error_memory(err);
    struct history_expected *item = &e->items[e->count++];
    item->position = (size_t)sql_column_int(pending, 0);
    return expect(e, name ? name : "", &item->seconds, err);
}

/* Looks from e->run. */
static int prepare(struct expecting *e, struct error *err) {
    if (links_open(e->s, e->run, &e->links, err) < 0)
        return -1;
    for (size_t i = 0; i < STATEMENTS; i++)
        if ((i == PENDING ? database_prepare_walk : database_prepare)(e->s, sql[i],
                                                                      &e->statements[i], err) < 0)
            return -1;
    return 0;
}

int store_expected(struct store *s, const char *run_id, const char *const *benchmarks,
                   size_t benchmark_count, struct history_expected **ret, size_t *count,
                   struct error *err) {
    cleanup(expecting_done) struct expecting e = {
        .s = s, .benchmarks = benchmarks, .benchmark_count = benchmark_count};
    if (database_find_run(s, run_id, &e.run, err) < 0 || prepare(&e, err) < 0)
        return -1;
    struct sql_stmt *pending = e.statements[PENDING];
    sql_bind_int(pending, 1, e.run);
    while (sql_step(pending) == SQL_ROW)
        if (add_server(&e, pending, err) < 0)
            return -1;
    if (reset(&e, pending, err) < 0)
        return -1;
    *count = e.count;
    *ret = TAKE(e.items);
    return 0;
}

int store_expected_planned(struct store *s, const struct store_planned *planned, double *seconds,
                           struct error *err) {
    cleanup(expecting_done) struct expecting e = {.s = s,
                                                  .run = INT64_MAX,
                                                  .benchmarks = planned->benchmarks,
                                                  .benchmark_count = planned->benchmark_count};
    if (prepare(&e, err) < 0)
        return -1;
    e.links.like = LINKS_PLAIN | (planned->quick ? LINKS_QUICK : 0) |
                   (planned->simulated ? LINKS_SIMULATED : 0);
    for (size_t i = 0; i < planned->server_count; i++)
        if (expect(&e, planned->servers[i], &seconds[i], err) < 0)
            return -1;
    return 0;
}
