/*
 * inhand: the servers that were claimed and have not come to their end: submitted to the pool, or
 * between two attempts.
 *
 * A server that is to be tried again waits here, at no worker's expense, and is submitted behind
 * the others when its pause is over. When the run ends first it keeps no verdict.
 *
 * The orchestrator's.
 */
#pragma once

#include "exec/pool.h"
#include "fleet/attempt.h"
#include "fleet/slots.h"
#include "fleet/waiting.h"
#include "store/store.h"
#include "sync/cancel.h"

struct inhand {
    struct attempts attempts;
    const struct cancel *cancel;
    struct slots_part *slots;
    size_t count; /* of all of them */
    struct waiting waiting;
    struct pool *pool;
    struct completed *completed;
};

/*
 * Starts as many workers as the plan of `attempts` has for its fan-out. What is in there is
 * borrowed. Fails with ERROR_INTERNAL; inhand_done() is due in either case.
 */
int inhand_init(struct inhand *h, const struct attempts *attempts, const struct cancel *cancel,
                struct slots_part *slots, struct error *err) must_use;

/* Waits for those that run. */
void inhand_done(struct inhand *h);

/*
 * Submits the first attempt at a server, which it takes over. Returns how many results there are of
 * that at once: 1 where it could not be submitted and ended in `internal`, else 0.
 */
size_t inhand_add(struct inhand *h, struct store_claim *claim, struct store_result *ret);

/* How many of them are with the pool. */
size_t inhand_submitted(const struct inhand *h);

/*
 * Waits for at least one result and takes all that come within a moment of it, but not over `most`
 * once none of the waiting has ended. Returns how many; 0 when the deadline or somebody's pause is
 * over. `ending`: nothing is begun any more, and those that wait for an attempt end now. ret[] has
 * room for all that are in hand, and each result, with its server's name, becomes the
 * caller's: result_drop().
 */
size_t inhand_collect(struct inhand *h, bool ending, size_t most, int64_t deadline,
                      struct store_result *ret);

/* Frees what a result consists of. */
void result_drop(struct store_result *r);

/* Those that no worker has begun with end as cancelled. */
void inhand_cancel_pending(struct inhand *h);

/* Ends what is submitted, after the token was fired, and drops its results. */
void inhand_abandon(struct inhand *h);
