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
    if (!s->crew.started)
        s->crew.started = clock_wall();
    sql_bind_text(stmt, 1, host);
    sql_bind_int(stmt, 2, getpid());
    sql_bind_text(stmt, 3, s->crew.site);
    sql_bind_int(stmt, 4, s->crew.fanout);
    sql_bind_int(stmt, 5, s->crew.started);
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
    for (size_t i = 0; i < s->crew.held.count; i++) {
        const struct held_claim *c = &s->crew.held.items[i];
        str_addf(&s->json, "%s{\"p\":%zu,\"c\":%lld}", i > 0 ? "," : "", c->position,
                 (long long)c->token);
    }
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
    if (join(s, err) < 0 || (c->held.count > 0 && adopt(s, err) < 0))
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
    sql_bind_int(stmt, 3, s->crew.draining);
    sql_bind_int(stmt, 4, s->crew.number);
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

static int64_t token_of(const struct store *s, size_t position) {
    const struct held_claim *c = held_find(&s->crew.held, position);
    return c ? c->token : 0;
}

static int list_results(struct store *s, const struct store_result *results, size_t n,
                        struct error *err) {
    str_clear(&s->json);
    for (size_t i = 0; i < n; i++)
        str_addf(&s->json, "%c{\"i\":%zu,\"p\":%zu,\"c\":%lld}", i ? ',' : '[', i,
                 results[i].position, (long long)token_of(s, results[i].position));
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

/* Takes the row of a server that was claimed; *parts: those that earlier turns have begun. */
static int take_row(struct store *s, struct sql_stmt *stmt, struct claimed *into, size_t *parts,
                    struct error *err) {
    struct crew *c = &s->crew;
    size_t position = (size_t)sql_column_int(stmt, 0);
    c->claims[c->claim_count++] =
        (struct held_claim){position, sql_column_int(stmt, CLAIMED_COUNT)};
    if (sql_column_int(stmt, CLAIMED_COUNT + 1))
        str_addf(&s->json, "%c%zu", (*parts)++ ? ',' : '[', position);
    /* one that is held was lost and is back, while it is being measured */
    return held_find(&c->held, position) ? 0 : claimed_add(into, stmt, err);
}

/* Runs a claim, of which the second parameter is bound. */
static int take(struct store *s, struct sql_stmt *stmt, size_t max, struct claimed *into,
                struct error *err) {
    struct crew *c = &s->crew;
    size_t parts = 0;
    int rc = 0;
    if (vec_reserve(&c->claims, &c->claim_cap, c->claim_count + max, sizeof(*c->claims)) < 0 ||
        held_reserve(&c->held, c->claim_count + max) < 0)
        return error_memory(err);
    sql_bind_int(stmt, 1, s->held_run);
    sql_bind_text(stmt, 3, c->site);
    sql_bind_int(stmt, 4, (int64_t)max);
    sql_bind_int(stmt, 5, c->number);
    int more = sql_step(stmt);
    str_clear(&s->json); /* what was bound of it has been sent */
    for (; rc == 0 && more == SQL_ROW; more = sql_step(stmt))
        rc = take_row(s, stmt, into, &parts, err);
    if (sql_reset(stmt) < 0 && rc == 0)
        rc = database_fail(s, err);
    return rc == 0 && parts > 0 ? drop_parts(s, err) : rc;
}

static int claim_next(struct store *s, size_t from, size_t max, struct claimed *into,
                      struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_CLAIM, err);
    size_t first = into->count;
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 2, (int64_t)from);
    if (take(s, stmt, max, into, err) < 0)
        return -1;
    claimed_sort(into, first);
    return 0;
}

/* Of the `count` servers that are wanted, in their order. */
static int claim_these(struct store *s, const size_t *wanted, size_t count, size_t max,
                       struct claimed *into, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_CLAIM_THESE, err);
    size_t first = into->count;
    if (!stmt)
        return -1;
    str_clear(&s->json);
    for (size_t i = 0; i < count; i++)
        str_addf(&s->json, "%c%zu", i > 0 ? ',' : '[', wanted[i]);
    str_add_char(&s->json, ']');
    if (s->json.failed)
        return error_memory(err);
    sql_bind_text_n(stmt, 2, s->json.data, s->json.len);
    return take(s, stmt, max, into, err) < 0 ? -1
                                             : claimed_arrange(into, first, wanted, count, err);
}

static int claim_in_order(struct store *s, size_t from, size_t max, struct claimed *into,
                          struct error *err) {
    for (; into->count < max && from < s->order_count; from += ORDERED) {
        size_t n = s->order_count - from < ORDERED ? s->order_count - from : ORDERED;
        if (claim_these(s, s->order + from, n, max - into->count, into, err) < 0)
            return -1;
    }
    return 0;
}

/*
 * Those who claim with limits do it one after the other, or two would take the same place. What
 * others have claimed meanwhile is chosen in vain, and more is chosen instead.
 */
static int claim_places(struct store *s, size_t max, struct claimed *into, struct error *err) {
    struct sql_stmt *lock = database_use(s, SHARED_LOCK_PLACES, err);
    cleanup(free_ptr) size_t *chosen = calloc(max, sizeof(*chosen));
    if (!lock || !chosen)
        return lock ? error_memory(err) : -1;
    sql_step(lock);
    if (sql_reset(lock) < 0)
        return database_fail(s, err);
    ssize_t count = 1;
    for (int i = 0; i < CHOICES && into->count < max && count > 0; i++) {
        size_t before = into->count;
        count = places_choose(s, s->held_run, max - into->count, chosen, err);
        if (count < 0 ||
            (count > 0 && claim_these(s, chosen, (size_t)count, (size_t)count, into, err) < 0))
            return -1;
        if (into->count - before == (size_t)count)
            break;
    }
    if (into->count == 0 && count > 0)
        places_missed(s->places);
    return 0;
}

/* What is pending and was not claimed is in the hands of other runs, or of others in this moment.
 */
static int see_what_is_left(struct store *s, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_IS_LEFT, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, s->held_run);
    sql_bind_text(stmt, 2, s->crew.site);
    s->crew.in_others_hands = sql_step(stmt) == SQL_ROW;
    return sql_reset(stmt) < 0 ? database_fail(s, err) : 0;
}

int shared_claim(struct store *s, size_t max, struct claimed *into, struct error *err) {
    s->crew.in_others_hands = false;
    if (s->places)
        return claim_places(s, max, into, err);
    int (*claim)(struct store *, size_t, size_t, struct claimed *, struct error *) =
        s->order ? claim_in_order : claim_next;
    int rc = claim(s, s->claimed_to, max, into, err);
    if (rc == 0 && into->count == 0 && s->claimed_to > 0) /* what was given back is further up */
        rc = claim(s, 0, max, into, err);
    return rc == 0 && into->count == 0 ? see_what_is_left(s, err) : rc;
}

bool store_in_others_hands(const struct store *s) {
    return s->crew.in_others_hands;
}

void shared_unclaimed(struct store *s) {
    s->crew.held.count = 0;
}

void shared_settle(struct store *s, const struct store_result *results, size_t n) {
    struct crew *c = &s->crew;
    for (size_t i = 0; i < n; i++) {
        struct held_claim *claim = held_find(&c->held, results[i].position);
        if (claim)
            claim->token = 0;
    }
    held_settle(&c->held, c->claims, c->claim_count);
    c->claim_count = 0;
}
