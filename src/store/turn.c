/*
 * turn: one turn of the orchestrator, results in and claims out, in one transaction.
 *
 * Servers are claimed in the order of their rows, a range of them at a time, or one by one in an
 * order that was set. `claimed_to` remembers how far this process has come, so that a claim does
 * not walk over what is before. With limits it is store/places that says which.
 */
#include "store/database.h"

#include "store/claimed.h"
#include "store/places.h"
#include "store/rows.h"
#include "store/shared.h"

#include <stdlib.h>

void store_set_order(struct store *s, size_t *positions, size_t n) {
    free(s->order);
    s->order = positions;
    s->order_count = n;
    s->claimed_to = 0;
    places_forget(s->places);
}

/* The positions of the next `max` pending servers are between these; false: there are none. */
struct range {
    bool any;
    size_t first, last;
};

static int find_pending(struct store *s, int64_t run, size_t max, struct range *ret,
                        struct error *err) {
    struct sql_stmt *stmt = database_use(s, FIND_PENDING, err);
    *ret = (struct range){0};
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    sql_bind_int(stmt, 2, (int64_t)s->claimed_to);
    sql_bind_int(stmt, 3, (int64_t)max);
    while (sql_step(stmt) == SQL_ROW) {
        ret->last = (size_t)sql_column_int(stmt, 0);
        ret->first = ret->any ? ret->first : ret->last;
        ret->any = true;
    }
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

/* A statement on those of the positions `first` to `last` that are pending; NULL with the error. */
static struct sql_stmt *on_pending(struct store *s, enum statement which, int64_t run, size_t first,
                                   size_t last, struct error *err) {
    struct sql_stmt *stmt = database_use(s, which, err);
    if (!stmt)
        return NULL;
    sql_bind_int(stmt, 1, run);
    sql_bind_int(stmt, 2, (int64_t)first);
    sql_bind_int(stmt, 3, (int64_t)last);
    return stmt;
}

/* Claims the servers of these positions that are pending. */
static int claim_range(struct store *s, int64_t run, size_t first, size_t last,
                       struct claimed *into, struct error *err) {
    struct sql_stmt *drop = on_pending(s, DROP_BENCHMARKS, run, first, last, err);
    if (!drop || database_run(s, drop, err) < 0)
        return -1;
    struct sql_stmt *stmt = on_pending(s, CLAIM, run, first, last, err);
    int rc = stmt ? 0 : -1;
    while (rc == 0 && sql_step(stmt) == SQL_ROW)
        rc = claimed_add(into, stmt, err);
    return stmt && sql_reset(stmt) < 0 && rc == 0 ? database_fail(s, err) : rc;
}

/* Of so many positions, one by one, those that are pending, in this order. */
static int claim_these(struct store *s, int64_t run, const size_t *positions, size_t n, size_t max,
                       struct claimed *into, struct error *err) {
    for (size_t i = 0; into->count < max && i < n; i++)
        if (claim_range(s, run, positions[i], positions[i], into, err) < 0)
            return -1;
    return 0;
}

static int claim_places(struct store *s, int64_t run, size_t max, struct claimed *into,
                        struct error *err) {
    cleanup(free_ptr) size_t *chosen = calloc(max, sizeof(*chosen));
    if (!chosen)
        return error_memory(err);
    ssize_t n = places_choose(s, run, max, chosen, err);
    return n < 0 ? -1 : claim_these(s, run, chosen, (size_t)n, max, into, err);
}

static int claim_next(struct store *s, int64_t run, size_t max, struct claimed *into,
                      struct error *err) {
    struct range of;
    if (find_pending(s, run, max, &of, err) < 0 ||
        (of.any && claim_range(s, run, of.first, of.last, into, err) < 0))
        return -1;
    claimed_sort(into, 0);
    return 0;
}

static int claim(struct store *s, int64_t run, size_t max, struct claimed *into,
                 struct error *err) {
    if (s->places)
        return claim_places(s, run, max, into, err);
    if (s->order)
        return claim_these(s, run, s->order + s->claimed_to, s->order_count - s->claimed_to, max,
                           into, err);
    return claim_next(s, run, max, into, err);
}

static int write_benchmarks(struct store *s, int64_t run, const struct store_result *r,
                            struct error *err) {
    struct sql_stmt *stmt = database_use(s, ADD_BENCHMARK, err);
    if (!stmt)
        return -1;
    for (size_t i = 0; i < r->result->benchmark_count; i++)
        if (row_bind_benchmark(stmt, run, r->position, i, &r->result->benchmarks[i], &s->json,
                               err) < 0 ||
            database_run(s, stmt, err) < 0)
            return -1;
    return 0;
}

static int write_result(struct store *s, int64_t run, const struct store_result *r,
                        struct error *err) {
    struct sql_stmt *stmt = database_use(s, FINISH_SERVER, err);
    if (!stmt)
        return -1;
    row_bind_server(stmt, run, r->position, r->result);
    return database_run(s, stmt, err) < 0 ? -1 : write_benchmarks(s, run, r, err);
}

static int count_up(struct store *s, int64_t number, const struct run *counts, double seconds,
                    struct error *err) {
    struct sql_stmt *stmt = database_use(s, COUNT_UP, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, (int64_t)counts->passed);
    sql_bind_int(stmt, 2, (int64_t)counts->failed);
    sql_bind_int(stmt, 3, (int64_t)counts->errors);
    sql_bind_double(stmt, 4, seconds);
    sql_bind_int(stmt, 5, number);
    return database_run(s, stmt, err);
}

static int write_results(struct store *s, int64_t number, double seconds,
                         struct store_result *results, size_t n, struct error *err) {
    struct run counts = {0};
    if (store_is_shared(s) && shared_accept(s, results, n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (results[i].refused || results[i].there)
            continue;
        if (write_result(s, number, &results[i], err) < 0)
            return -1;
        run_count(&counts, results[i].result->verdict);
    }
    return store_is_shared(s) ? shared_count(s, &counts, seconds, err)
                              : count_up(s, number, &counts, seconds, err);
}

static int turn(struct store *s, const struct run *run, struct store_result *results, size_t n,
                size_t max, struct claimed *into, struct error *err) {
    int64_t number = s->held_run;
    bool shared = store_is_shared(s);
    s->crew.claim_count = 0;
    if (database_begin(s, err) < 0)
        return -1;
    int rc = shared ? shared_renew(s, err) : database_find_run(s, run->id, &number, err);
    if (rc == 0 && n > 0)
        rc = write_results(s, number, run->seconds, results, n, err);
    if (rc == 0 && shared)
        rc = shared_reap(s, err);
    if (rc == 0 && max > 0)
        rc = shared ? shared_claim(s, max, into, err) : claim(s, number, max, into, err);
    if (database_end(s, rc, err) == 0)
        return 0;
    claimed_cut(into, 0);
    places_forget(s->places);
    return -1;
}

/* What was claimed last is claimed no more. What was given back may be before, where others are. */
static void pass_over(struct store *s, size_t position) {
    size_t i = s->order ? s->claimed_to : position;
    while (s->order && i < s->order_count && s->order[i] != position)
        i++;
    if (!s->order || i < s->order_count)
        s->claimed_to = i + 1;
}

ssize_t store_turn(struct store *s, const struct run *run, struct store_result *results, size_t n,
                   size_t max, struct store_claim *claims, struct error *err) {
    struct claimed claimed = {.items = claims};
    int rc, tries = 0;
    do
        rc = turn(s, run, results, n, max, &claimed, err);
    while (rc < 0 && database_try_again(&tries, err));
    if (rc < 0)
        return -1;
    if (claimed.count > 0 && !s->places)
        pass_over(s, claims[claimed.count - 1].position);
    if (store_is_shared(s)) {
        shared_in_contact(s);
        shared_settle(s, results, n);
    }
    return (ssize_t)claimed.count;
}
