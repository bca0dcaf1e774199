/*
 * links: see links.h.
 *
 * Two cursors, both from the newest run back, are merged: the rows of the same name, which are at
 * most one a run, and those of the same machine. Both are walks along an index that has all that is
 * asked for, so that a fleet's thirty runs are found in a fraction of a second.
 */
#include "store/links.h"

#include "base/vec.h"
#include "store/rows.h"

#define SELECT_BY_NAME                                                                             \
    "SELECT run, position FROM server INDEXED BY server_name WHERE name = ?1 AND run <= ?2 AND "   \
    "state = 'done' AND (CAST(?3 AS TEXT) IS NULL OR machine IS NULL OR machine = ?3) "            \
    "ORDER BY run DESC"
#define SELECT_BY_MACHINE                                                                          \
    "SELECT run, position FROM server INDEXED BY server_machine WHERE machine = ?1 AND "           \
    "run <= ?2 AND machine IS NOT NULL AND state = 'done' ORDER BY run DESC"
#define SELECT_RUNS                                                                                \
    "SELECT number, started, options LIKE '%\"--quick\"%', options LIKE '%\"--simulate%' "         \
    "FROM run WHERE number <= ? ORDER BY number"

static int read_runs(struct links *l, struct sql_stmt *stmt, struct error *err) {
    size_t cap = 0;
    while (sql_step(stmt) == SQL_ROW) {
        if (vec_reserve(&l->runs, &cap, l->run_count + 1, sizeof(*l->runs)) < 0)
            return error_memory(err);
        l->runs[l->run_count++] = (struct links_run){
            .number = sql_column_int(stmt, 0),
            .started = sql_column_int(stmt, 1),
            .like = LINKS_PLAIN | (sql_column_int(stmt, 2) > 0 ? LINKS_QUICK : 0) |
                    (sql_column_int(stmt, 3) > 0 ? LINKS_SIMULATED : 0),
        };
    }
    return 0;
}

int links_open(struct store *s, int64_t run, struct links *ret, struct error *err) {
    struct sql_stmt *runs = NULL;
    *ret = (struct links){.s = s};
    if (database_prepare(s, SELECT_RUNS, &runs, err) < 0)
        return -1;
    sql_bind_int(runs, 1, run);
    int rc = read_runs(ret, runs, err);
    if (sql_finalize(runs) < 0 && rc == 0)
        rc = database_fail(s, err);
    if (rc < 0 || database_prepare(s, SELECT_BY_NAME, &ret->by_name, err) < 0 ||
        database_prepare(s, SELECT_BY_MACHINE, &ret->by_machine, err) < 0)
        return -1;
    ret->like = ret->run_count ? ret->runs[ret->run_count - 1].like : 0;
    sql_bind_int(ret->by_name, 2, run);
    sql_bind_int(ret->by_machine, 2, run);
    return 0;
}

void links_done(struct links *l) {
    sql_finalize(l->by_name);
    sql_finalize(l->by_machine);
    free(l->runs);
    *l = (struct links){0};
}

static int compare_run(const void *number, const void *run) {
    int64_t a = *(const int64_t *)number, b = ((const struct links_run *)run)->number;
    return a < b ? -1 : a > b;
}

const struct links_run *links_run(const struct links *l, int64_t number) {
    return l->run_count ? bsearch(&number, l->runs, l->run_count, sizeof(*l->runs), compare_run)
                        : NULL;
}

/* A cursor over rows of a server, the newest first, and its current one. */
struct head {
    struct sql_stmt *stmt;
    bool more;
    struct link at;
};

static void next(struct head *h) {
    h->more = sql_step(h->stmt) == SQL_ROW;
    if (h->more)
        h->at = (struct link){sql_column_int(h->stmt, 0), sql_column_int(h->stmt, 1)};
}

/* Goes over the rows of this run; returns how many there were. */
static size_t skip(struct head *h, int64_t run) {
    size_t n = 0;
    for (; h->more && h->at.run == run; next(h))
        n++;
    return n;
}

/* The row of the newest run that is left; false when that run has no row that is surely the one. */
static bool take(struct head *name, struct head *machine, struct link *ret) {
    bool by_name = name->more && (!machine->more || name->at.run >= machine->at.run);
    *ret = by_name ? name->at : machine->at;
    if (by_name)
        next(name);
    return skip(machine, ret->run) == 1 || by_name;
}

static size_t merge(struct links *l, struct head *name, struct head *machine, bool alike,
                    size_t max, struct link *ret) {
    size_t n = 0;
    while (n < max && (name->more || machine->more)) {
        const struct links_run *run;
        if (take(name, machine, &ret[n]) && (run = links_run(l, ret[n].run)))
            n += !alike || run->like == l->like;
    }
    return n;
}

/* A machine that the run has more than once is no identity. */
static bool is_shared(struct sql_stmt *by_machine, int64_t run) {
    struct head ahead = {.stmt = by_machine};
    next(&ahead);
    bool shared = skip(&ahead, run) > 1;
    sql_reset(by_machine);
    return shared;
}

ssize_t links_find(struct links *l, const char *name, const char *machine, bool alike, size_t max,
                   struct link *ret, struct error *err) {
    struct head by_name = {.stmt = l->by_name}, by_machine = {.stmt = l->by_machine};
    int64_t from = l->run_count ? l->runs[l->run_count - 1].number : 0;
    sql_bind_text(l->by_name, 1, name);
    sql_bind_text(l->by_name, 3, machine);
    sql_bind_text(l->by_machine, 1, machine);
    next(&by_name);
    if (machine && !is_shared(l->by_machine, from))
        next(&by_machine);
    size_t n = merge(l, &by_name, &by_machine, alike, max, ret);
    int names = sql_reset(l->by_name), machines = sql_reset(l->by_machine);
    if (names < 0 || machines < 0)
        return database_fail(l->s, err);
    return (ssize_t)n;
}
