/* inhand: see inhand.h. */
#include "fleet/inhand.h"

#include "base/attr.h"
#include "base/clock.h"
#include "live/board.h"
#include "model/run.h"
#include "policy/judge.h"

#include <stdlib.h>

#define MOMENT (100 * CLOCK_MS) /* in which a first result waits for others of its batch */
#define STACK (512 * 1024)      /* of a worker; only what is touched costs memory */

static int submit(struct inhand *h, struct attempt *a, struct error *err) {
    struct future *future;
    return pool_submit(h->pool, attempt_run, a, h->completed, &future, err);
}

static int submit_first(struct inhand *h, struct store_claim *claim, struct error *err) {
    struct attempt *a;
    if (attempt_new(&h->attempts, claim, &a, err) < 0)
        return -1;
    if (submit(h, a, err) == 0)
        return 0;
    claim->server = a->server;
    a->server = (struct server){0};
    attempt_free(a);
    return -1;
}

/* A job that has no result has an error: cancelled before it began, or out of memory. */
static struct server_result *result_of_error(const struct error *why) {
    struct server_result *r = calloc(1, sizeof(*r));
    if (r)
        judge_server(why, r);
    return r;
}

void result_drop(struct store_result *r) {
    server_result_free((struct server_result *)r->result);
    free(r->server);
    *r = (struct store_result){0};
}

size_t inhand_add(struct inhand *h, struct store_claim *claim, struct store_result *ret) {
    struct error why;
    if (submit_first(h, claim, &why) == 0) {
        h->count++;
        return 0;
    }
    *ret = (struct store_result){.position = claim->position, .result = result_of_error(&why)};
    if (ret->result)
        ret->server = TAKE(claim->server.name);
    server_done(&claim->server);
    return ret->result != NULL;
}

size_t inhand_submitted(const struct inhand *h) {
    return h->count - h->waiting.count;
}

static struct server_result *take_result(struct future *future) {
    void *result = NULL;
    struct error why;
    if (future_result(future, DEADLINE_NEVER, &result, &why) == 0)
        return result;
    if (future_cancelled(future))
        error_set(&why, ERROR_INTERRUPTED, "%s", OUTCOME_NO_TURN);
    return result_of_error(&why);
}

/* Whether the server waits for its next attempt now, and its result with it. */
static bool wait_for_another(struct inhand *h, bool ending, struct attempt *a,
                             struct server_result *r) {
    if (!attempt_has_another(a, r))
        return false;
    if (ending || cancel_fired(h->cancel)) {
        attempt_interrupt(r);
        return false;
    }
    attempt_next(a, r);
    a->last = r;
    if (waiting_add(&h->waiting, a) == 0) {
        board_again(h->attempts.bench.board, a->due);
        return true;
    }
    a->last = NULL; /* and the last attempt stands */
    return false;
}

/* The server has come to its end. Returns false when there was no memory for even its error. */
static bool finish(struct inhand *h, struct attempt *a, struct server_result *r,
                   struct store_result *ret) {
    *ret = (struct store_result){.position = a->position, .result = r};
    if (r)
        ret->server = TAKE(a->server.name);
    h->count--;
    attempt_free(a);
    return r != NULL;
}

/* Takes one future that is done. Returns whether there is a result in *ret. */
static bool collect_one(struct inhand *h, bool ending, struct future *future,
                        struct store_result *ret) {
    struct attempt *a = future_arg(future);
    struct server_result *r = take_result(future);
    future_free(future);
    return (!r || !wait_for_another(h, ending, a, r)) && finish(h, a, r, ret);
}

/* The place that it was taken from is free yet. */
static void put_off(struct inhand *h, struct attempt *a) {
    a->due = deadline_in(MOMENT);
    (void)!waiting_add(&h->waiting, a);
}

/*
 * Submits those whose pause is over; at the end, all that wait end with it. Returns how many
 * results there are of that.
 */
static size_t wake(struct inhand *h, bool ending, struct store_result *ret) {
    int64_t now = ending ? DEADLINE_NEVER : clock_now();
    struct attempt *a;
    size_t n = 0;
    while ((a = waiting_take(&h->waiting, now))) {
        if (!ending && !slots_take(h->slots)) {
            put_off(h, a);
            break;
        }
        struct server_result *last = TAKE(a->last);
        struct error ignored;
        if (ending)
            attempt_interrupt(last);
        else if (submit(h, a, &ignored) == 0) {
            server_result_free(last);
            continue;
        } /* else no thread is to be had, and the last attempt stands */
        n += finish(h, a, last, &ret[n]);
    }
    return n;
}

size_t inhand_collect(struct inhand *h, bool ending, size_t most, int64_t deadline,
                      struct store_result *ret) {
    size_t n = wake(h, ending || cancel_fired(h->cancel), ret);
    int64_t moment = DEADLINE_NEVER;
    while (n < most && inhand_submitted(h) > 0) {
        if (n > 0 && moment == DEADLINE_NEVER)
            moment = deadline_in(MOMENT);
        int64_t until = deadline_min(deadline, deadline_min(moment, waiting_next(&h->waiting)));
        struct future *future = completed_next(h->completed, until);
        if (!future)
            return n;
        n += collect_one(h, ending, future, &ret[n]);
    }
    if (n == 0 && h->waiting.count > 0)
        cancel_sleep(h->cancel, deadline_min(deadline, waiting_next(&h->waiting)));
    return n;
}

void inhand_cancel_pending(struct inhand *h) {
    pool_cancel_pending(h->pool);
}

void inhand_abandon(struct inhand *h) {
    pool_cancel_pending(h->pool);
    while (inhand_submitted(h) > 0) {
        struct store_result dropped;
        if (collect_one(h, true, completed_next(h->completed, DEADLINE_NEVER), &dropped))
            result_drop(&dropped);
    }
}

int inhand_init(struct inhand *h, const struct attempts *attempts, const struct cancel *cancel,
                struct slots_part *slots, struct error *err) {
    *h = (struct inhand){.attempts = *attempts, .cancel = cancel, .slots = slots};
    size_t fanout = (size_t)attempts->bench.plan->fanout;
    if (completed_new(&h->completed, err) < 0)
        return -1;
    return pool_new(fanout, STACK, &h->pool, err);
}

void inhand_done(struct inhand *h) {
    pool_shutdown(h->pool, true);
    completed_free(h->completed);
    waiting_done(&h->waiting);
}
