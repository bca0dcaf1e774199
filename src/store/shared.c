/*
 * shared: see shared.h.
 *
 * A worker renews before it does anything else in a transaction, so that any two lock in the same
 * order: a worker's row, then servers' rows. Servers are claimed and given back with SKIP LOCKED;
 * what another has in hand at that moment is not waited for.
 *
 * A token is a server's `claim`, which every claim counts up: who knows the newest one has the
 * server, whatever number his row has by then. It is known to be this worker's once the claim is on
 * disk: one that had no answer may have come to nothing, and its token to somebody else. So a
 * worker that was cut off, or whose lease was over while nobody took its servers, goes on with them
 * under a new number. Lists of positions and tokens are handed over as one JSON text, which costs
 * one round trip whatever their length.
 */
#include "store/shared.h"

#include "base/clock.h"
#include "base/vec.h"
#include "store/places.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORDERED 4096      /* servers of a set order that are asked for at a time */
#define CHOICES 8         /* in one turn, of servers that others may have claimed */
#define KEPT_SECONDS 3600 /* that a dead worker is still shown */

static int run_changed(struct store *s, struct sql_stmt *stmt, int64_t *changed,
                       struct error *err) {
    sql_step(stmt);
    *changed = sql_changes(stmt);
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

static void bind_held(struct store *s, struct sql_stmt *stmt, int i) {
    if (s->held_run)
        sql_bind_int(stmt, i, s->held_run);
    else
        sql_bind_null(stmt, i);
}

static double lease_seconds(const struct store *s) {
    return (double)s->crew.lease / (double)CLOCK_S;
}

static int join(struct store *s, struct error *err) {
    char host[CREW_NAME_SIZE] = "";
    struct sql_stmt *stmt = database_use(s, SHARED_JOIN, err);
    if (!stmt)
        return -1;
    gethostname(host, sizeof(host) - 1);
    sql_bind_text(stmt, 1, host);
    sql_bind_int(stmt, 2, getpid());
    sql_bind_text(stmt, 3, s->crew.site);
    sql_bind_int(stmt, 4, s->crew.fanout);
    sql_bind_int(stmt, 5, clock_wall());
    bind_held(s, stmt, 6);
    sql_bind_double(stmt, 7, lease_seconds(s));
    if (sql_step(stmt) == SQL_ROW)
        s->crew.number = sql_column_int(stmt, 0);
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

/* Of what this worker holds: a list of {"p": position, "c": token}. */
static int list_held(struct store *s, struct error *err) {
    str_clear(&s->json);
    str_add_char(&s->json, '[');
    for (size_t i = 0; i < s->crew.token_count; i++)
        if (s->crew.tokens[i])
            str_addf(&s->json, "%s{\"p\":%zu,\"c\":%lld}", s->json.len > 1 ? "," : "", i,
                     (long long)s->crew.tokens[i]);
    str_add_char(&s->json, ']');
    return s->json.failed ? error_memory(err) : 0;
}

static int adopt(struct store *s, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_ADOPT, err);
    if (!stmt || list_held(s, err) < 0)
        return -1;
    sql_bind_int(stmt, 1, s->crew.number);
    sql_bind_text_n(stmt, 2, s->json.data, s->json.len);
    sql_bind_int(stmt, 3, s->held_run);
    return database_run(s, stmt, err);
}

int shared_unclaim(struct store *s, int64_t number, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_UNCLAIM, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, s->held_run);
    sql_bind_int(stmt, 2, number);
    return database_run(s, stmt, err);
}

/*
 * What is not adopted of the former number's was claimed in a transaction that had no answer:
 * nobody knows its tokens. That transaction may be on its way yet, and is waited for at its
 * worker's row.
 */
static int join_anew(struct store *s, struct error *err) {
    struct crew *c = &s->crew;
    if (!c->former)
        c->former = c->number;
    c->steady = clock_now();
    if (join(s, err) < 0 || (c->token_count > 0 && adopt(s, err) < 0))
        return -1;
    if (!c->former)
        return 0;
    return database_run_on(s, SHARED_LEAVE, c->former, err) < 0 ? -1
                                                                : shared_unclaim(s, c->former, err);
}

int shared_renew(struct store *s, struct error *err) {
    int64_t renewed = 0;
    struct sql_stmt *stmt = database_use(s, SHARED_RENEW, err);
    if (!stmt)
        return -1;
    sql_bind_double(stmt, 1, lease_seconds(s));
    bind_held(s, stmt, 2);
    sql_bind_int(stmt, 3, s->crew.number);
    if (s->crew.number && run_changed(s, stmt, &renewed, err) < 0)
        return -1;
    return renewed ? 0 : join_anew(s, err);
}

void shared_in_contact(struct store *s) {
    int64_t now = clock_now();
    if (now - s->crew.contact > s->crew.lease)
        s->crew.steady = now;
    s->crew.contact = now;
    s->crew.former = 0;
}

int shared_reap(struct store *s, struct error *err) {
    if (clock_now() - s->crew.steady < s->crew.lease)
        return 0;
    struct sql_stmt *reap = database_use(s, SHARED_REAP, err);
    struct sql_stmt *forget = database_use(s, SHARED_FORGET_DEAD, err);
    if (!reap || !forget || database_run(s, reap, err) < 0)
        return -1;
    sql_bind_double(forget, 1, KEPT_SECONDS);
    return database_run(s, forget, err);
}

int shared_begin(struct store *s, size_t servers, struct error *err) {
    free(s->crew.tokens);
    s->crew.token_count = 0;
    s->crew.tokens = calloc(servers + 1, sizeof(*s->crew.tokens));
    if (!s->crew.tokens)
        return error_memory(err);
    s->crew.token_count = servers;
    return 0;
}

static int list_results(struct store *s, const struct store_result *results, size_t n,
                        struct error *err) {
    str_clear(&s->json);
    for (size_t i = 0; i < n; i++)
        str_addf(&s->json, "%c{\"i\":%zu,\"p\":%zu,\"c\":%lld}", i ? ',' : '[', i,
                 results[i].position, (long long)s->crew.tokens[results[i].position]);
    str_add_char(&s->json, ']');
    return s->json.failed ? error_memory(err) : 0;
}

/* What an earlier turn of these servers has left in the store; s->json lists them. */
static int drop_parts(struct store *s, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_DROP_PARTS, err);
    if (!stmt)
        return -1;
    str_add_char(&s->json, ']');
    if (s->json.failed)
        return error_memory(err);
    sql_bind_int(stmt, 1, s->held_run);
    sql_bind_text_n(stmt, 2, s->json.data, s->json.len);
    return database_run(s, stmt, err);
}

int shared_accept(struct store *s, struct store_result *results, size_t n, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_ACCEPT, err);
    if (!stmt || list_results(s, results, n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        results[i].refused = true;
    sql_bind_text_n(stmt, 1, s->json.data, s->json.len);
    sql_bind_int(stmt, 2, s->held_run);
    size_t parts = 0;
    int rc = sql_step(stmt);
    str_clear(&s->json); /* what was bound of it has been sent */
    for (; rc == SQL_ROW; rc = sql_step(stmt)) {
        struct store_result *r = &results[sql_column_int(stmt, 0)];
        r->refused = false;
        r->there = sql_column_int(stmt, 1) != 0;
        if (sql_column_int(stmt, 2)) /* cancelled, in a transaction that had no answer */
            str_addf(&s->json, "%c%zu", parts++ ? ',' : '[', r->position);
    }
    if (sql_reset(stmt) < 0)
        return database_fail(s, err);
    return parts > 0 ? drop_parts(s, err) : 0;
}

int shared_count(struct store *s, const struct run *counts, double seconds, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_COUNT, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, s->held_run);
    sql_bind_int(stmt, 2, s->crew.number);
    sql_bind_int(stmt, 3, (int64_t)counts->passed);
    sql_bind_int(stmt, 4, (int64_t)counts->failed);
    sql_bind_int(stmt, 5, (int64_t)counts->errors);
    sql_bind_double(stmt, 6, seconds);
    return database_run(s, stmt, err);
}

static int compare_positions(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Runs a claim, of which the second parameter is bound. Returns how many, or -1. */
static ssize_t take(struct store *s, struct sql_stmt *stmt, size_t max, size_t *positions,
                    struct error *err) {
    struct crew *c = &s->crew;
    size_t n = 0, parts = 0;
    if (vec_reserve(&c->claims, &c->claim_cap, c->claim_count + max, sizeof(*c->claims)) < 0)
        return error_memory(err);
    sql_bind_int(stmt, 1, s->held_run);
    sql_bind_text(stmt, 3, c->site);
    sql_bind_int(stmt, 4, (int64_t)max);
    sql_bind_int(stmt, 5, c->number);
    int rc = sql_step(stmt);
    str_clear(&s->json); /* what was bound of it has been sent */
    for (; rc == SQL_ROW; rc = sql_step(stmt)) {
        size_t position = (size_t)sql_column_int(stmt, 0);
        c->claims[c->claim_count++] = (struct claim){position, sql_column_int(stmt, 1)};
        if (sql_column_int(stmt, 2))
            str_addf(&s->json, "%c%zu", parts++ ? ',' : '[', position);
        if (!c->tokens[position]) /* else it was lost and is back, while it is being measured */
            positions[n++] = position;
    }
    if (sql_reset(stmt) < 0)
        return database_fail(s, err);
    return parts > 0 && drop_parts(s, err) < 0 ? -1 : (ssize_t)n;
}

static ssize_t claim_next(struct store *s, size_t from, size_t max, size_t *positions,
                          struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_CLAIM, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 2, (int64_t)from);
    ssize_t n = take(s, stmt, max, positions, err);
    if (n > 0)
        qsort(positions, (size_t)n, sizeof(*positions), compare_positions);
    return n;
}

/* Of the `count` servers that are wanted, in their order. */
static ssize_t claim_these(struct store *s, const size_t *wanted, size_t count, size_t max,
                           size_t *positions, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_CLAIM_THESE, err);
    if (!stmt)
        return -1;
    str_clear(&s->json);
    for (size_t i = 0; i < count; i++)
        str_addf(&s->json, "%c%zu", i > 0 ? ',' : '[', wanted[i]);
    str_add_char(&s->json, ']');
    if (s->json.failed)
        return error_memory(err);
    sql_bind_text_n(stmt, 2, s->json.data, s->json.len);
    ssize_t n = take(s, stmt, max, positions, err);
    if (n <= 0)
        return n;
    qsort(positions, (size_t)n, sizeof(*positions), compare_positions);
    size_t *claimed = calloc((size_t)n, sizeof(*claimed)), k = 0;
    if (!claimed)
        return error_memory(err);
    for (size_t i = 0; i < count; i++)
        if (bsearch(&wanted[i], positions, (size_t)n, sizeof(*positions), compare_positions))
            claimed[k++] = wanted[i];
    memcpy(positions, claimed, (size_t)n * sizeof(*claimed));
    free(claimed);
    return n;
}

static ssize_t claim_in_order(struct store *s, size_t from, size_t max, size_t *positions,
                              struct error *err) {
    size_t n = 0;
    for (; n < max && from < s->order_count; from += ORDERED) {
        size_t to = from + ORDERED < s->order_count ? from + ORDERED : s->order_count;
        ssize_t claimed = claim_these(s, s->order + from, to - from, max - n, positions + n, err);
        if (claimed < 0)
            return -1;
        n += (size_t)claimed;
    }
    return (ssize_t)n;
}

/*
 * Those who claim with limits do it one after the other, or two would take the same place. What
 * others have claimed meanwhile is chosen in vain, and more is chosen instead.
 */
static ssize_t claim_places(struct store *s, size_t max, size_t *positions, struct error *err) {
    struct sql_stmt *lock = database_use(s, SHARED_LOCK_PLACES, err);
    cleanup(free_ptr) size_t *chosen = calloc(max, sizeof(*chosen));
    if (!lock || !chosen)
        return lock ? error_memory(err) : -1;
    sql_step(lock);
    if (sql_reset(lock) < 0)
        return database_fail(s, err);
    size_t n = 0;
    ssize_t count = 1, claimed = 0;
    for (int i = 0; i < CHOICES && n < max && count > 0; i++) {
        count = places_choose(s, s->held_run, max - n, chosen, err);
        claimed = count <= 0
                      ? count
                      : claim_these(s, chosen, (size_t)count, (size_t)count, positions + n, err);
        if (claimed < 0)
            return -1;
        n += (size_t)claimed;
        if (claimed == count)
            break;
    }
    if (n == 0 && count > 0)
        places_missed(s->places);
    return (ssize_t)n;
}

ssize_t shared_claim(struct store *s, size_t max, size_t *positions, struct error *err) {
    if (s->places)
        return claim_places(s, max, positions, err);
    ssize_t (*claim)(struct store *, size_t, size_t, size_t *, struct error *) =
        s->order ? claim_in_order : claim_next;
    ssize_t n = claim(s, s->claimed_to, max, positions, err);
    if (n == 0 && s->claimed_to > 0) /* what was given back is further up */
        n = claim(s, 0, max, positions, err);
    return n;
}

void shared_unclaimed(struct store *s) {
    for (size_t i = 0; i < s->crew.token_count; i++)
        s->crew.tokens[i] = 0;
}

void shared_settle(struct store *s, const struct store_result *results, size_t n) {
    struct crew *c = &s->crew;
    for (size_t i = 0; i < n; i++)
        c->tokens[results[i].position] = 0;
    for (size_t i = 0; i < c->claim_count; i++)
        c->tokens[c->claims[i].position] = c->claims[i].token;
    c->claim_count = 0;
}
