/*
 * turn: one turn of the orchestrator, results in and claims out, in one transaction.
 *
 * Servers are claimed in the order of their rows, a range of them at a time, or one by one in an
 * order that was set. `claimed_to` remembers how far this process has come, so that a claim does
 * not walk over what is before. With limits it is store/places that says which.
 */
#include "store/database.h"

#include "store/places.h"
#include "store/rows.h"
#include "store/shared.h"

void store_set_order(struct store *s, size_t *positions, size_t n) {
    free(s->order);
    s->order = positions;
    s->order_count = n;
    s->claimed_to = 0;
    places_forget(s->places);
}

static ssize_t find_pending(struct store *s, int64_t run, size_t max, size_t *positions,
                            struct error *err) {
    struct sql_stmt *stmt = database_use(s, FIND_PENDING, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    sql_bind_int(stmt, 2, (int64_t)s->claimed_to);
    sql_bind_int(stmt, 3, (int64_t)max);
    ssize_t n = 0;
    while (sql_step(stmt) == SQL_ROW)
        positions[n++] = (size_t)sql_column_int(stmt, 0);
    return sql_reset(stmt) == 0 ? n : database_fail(s, err);
}

/* Runs a statement on those of the positions `first` to `last` that are pending. */
static int on_pending(struct store *s, enum statement which, int64_t run, size_t first, size_t last,
                      struct error *err) {
    struct sql_stmt *stmt = database_use(s, which, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    sql_bind_int(stmt, 2, (int64_t)first);
    sql_bind_int(stmt, 3, (int64_t)last);
    return database_run(s, stmt, err);
}

/* Claims the servers of these positions that are pending. Returns how many that were, or -1. */
static ssize_t claim_range(struct store *s, int64_t run, size_t first, size_t last,
                           struct error *err) {
    return on_pending(s, DROP_BENCHMARKS, run, first, last, err) < 0 ||
                   on_pending(s, CLAIM, run, first, last, err) < 0
               ? -1
               : (ssize_t)sql_changes(s->statements[CLAIM]);
}

/* Returns how many, or -1. */
static ssize_t claim_in_order(struct store *s, int64_t run, size_t max, size_t *positions,
                              struct error *err) {
    size_t n = 0;
    for (size_t i = s->claimed_to; n < max && i < s->order_count; i++) {
        ssize_t claimed = claim_range(s, run, s->order[i], s->order[i], err);
        if (claimed < 0)
            return -1;
        positions[n] = s->order[i];
        n += (size_t)claimed;
    }
    return (ssize_t)n;
}

/* One by one: of what is chosen, what is still pending. Returns how many, or -1. */
static ssize_t claim_places(struct store *s, int64_t run, size_t max, size_t *positions,
                            struct error *err) {
    ssize_t chosen = places_choose(s, run, max, positions, err), n = 0;
    for (ssize_t i = 0; i < chosen; i++) {
        ssize_t claimed = claim_range(s, run, positions[i], positions[i], err);
        if (claimed < 0)
            return -1;
        positions[n] = positions[i];
        n += claimed;
    }
    return chosen < 0 ? -1 : n;
}

/* Returns how many, or -1. */
static ssize_t claim(struct store *s, int64_t run, size_t max, size_t *positions,
                     struct error *err) {
    if (s->places)
        return claim_places(s, run, max, positions, err);
    if (s->order)
        return claim_in_order(s, run, max, positions, err);
    ssize_t n = find_pending(s, run, max, positions, err);
    return n > 0 ? claim_range(s, run, positions[0], positions[n - 1], err) : n;
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

static ssize_t turn(struct store *s, const struct run *run, struct store_result *results, size_t n,
                    size_t max, size_t *positions, struct error *err) {
    int64_t number = s->held_run;
    bool shared = store_is_shared(s);
    s->crew.claim_count = 0;
    if (database_begin(s, err) < 0)
        return -1;
    ssize_t claimed = shared ? shared_renew(s, err) : database_find_run(s, run->id, &number, err);
    if (claimed == 0 && n > 0)
        claimed = write_results(s, number, run->seconds, results, n, err);
    if (claimed == 0 && shared)
        claimed = shared_reap(s, err);
    if (claimed == 0 && max > 0)
        claimed =
            shared ? shared_claim(s, max, positions, err) : claim(s, number, max, positions, err);
    if (database_end(s, claimed < 0 ? -1 : 0, err) == 0)
        return claimed;
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
                   size_t max, size_t *positions, struct error *err) {
    ssize_t claimed;
    int tries = 0;
    do
        claimed = turn(s, run, results, n, max, positions, err);
    while (claimed < 0 && database_try_again(&tries, err));
    if (claimed > 0 && !s->places)
        pass_over(s, positions[claimed - 1]);
    if (claimed >= 0 && store_is_shared(s)) {
        shared_in_contact(s);
        shared_settle(s, results, n);
    }
    return claimed;
}
