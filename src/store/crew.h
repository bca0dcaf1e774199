/*
 * crew: several processes that work on the runs of one store at the same time.
 *
 * Such a store is shared: one on PostgreSQL is, one on SQLite is not, where one process works on a
 * run and holds it by a lock (store/hold.h). A process that works on a shared store's runs is a
 * worker, a row with a number that no other one ever had, and a lease, which every store_turn()
 * renews. What it claimed is its own until its lease is over; then another worker gives it back,
 * and whoever claims it gets a token one higher. A result that comes with an older token is
 * refused, so that a server ends in one verdict whoever was thought dead.
 *
 * A worker that itself was without the store for a while, or has just joined, gives nobody's
 * servers back for the length of a lease: those that were cut off with it come back first.
 *
 * Where the store cannot be reached, functions fail with err->os set to ECONNRESET, and may be
 * called again: the connection is made anew, what the worker holds is claimed on, and what a
 * transaction without an answer had done is not done twice.
 */
#pragma once

#include "base/error.h"
#include "store/store.h"
#include "sync/cancel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether several processes may work on a run of this store. */
bool store_is_shared(const struct store *s);

/* How a worker is to be known, and what it may take. */
struct store_enlistment {
    const char *site; /* servers of this site, and those of none; NULL: any */
    int fanout;
    int64_t lease;   /* ns; at least CREW_LEASE_MIN */
    int64_t started; /* when its process was, wall clock: several of one have the same; 0: now */
};

#define CREW_LEASE (30 * INT64_C(1000000000))
#define CREW_LEASE_MIN INT64_C(1000000000)

/* Joins the crew of a shared store. The texts are borrowed until store_close(). */
int store_join(struct store *s, const struct store_enlistment *as, struct error *err) must_use;

/* The number of this worker's row; it has another one after it was cut off. */
int64_t store_worker_number(const struct store *s);

/* It was told to end, and claims no more: whoever looks at the workers sees that from the next turn
 * on. */
void store_drain(struct store *s);

/* Gives back what it claimed, and leaves; so does store_close(), as far as it can. */
int store_leave(struct store *s, struct error *err) must_use;

/*
 * Renews the lease, gives back what dead workers had claimed, and looks for a run with servers that
 * this worker may claim, or one that is yet to be judged; the oldest first. `only` is the one that
 * is asked for, or NULL; `except` names those that are not, with a space between two, or is NULL.
 * Returns 1 with its id, 0 when there is none, or -1.
 */
int store_find_work(struct store *s, const char *only, const char *except, char ret[RUN_ID_SIZE],
                    struct error *err) must_use;

/*
 * Whether there may be work yet where store_find_work() has found none: servers that this worker
 * may claim if those who have them die, or a run that another one judges.
 */
int store_may_come(struct store *s, const char *only, bool *ret, struct error *err) must_use;

/*
 * Waits until somebody has said that there may be something to do, the token is fired, or the
 * deadline has passed. A store that cannot be reached ends the wait at the deadline.
 */
void store_await(struct store *s, const struct cancel *cancel, int64_t deadline);

/* Tells those who wait so. */
int store_notify(struct store *s, struct error *err) must_use;

/*
 * How far the run is, all workers together: its totals, seconds, `stopped` and `judged` are read
 * anew. *left: servers that have no verdict.
 */
int store_look(struct store *s, struct run *run, size_t *left, struct error *err) must_use;

/* Ends the run for all workers: nothing of it is claimed any more, until it is resumed. */
int store_stop(struct store *s, const struct run *run, struct error *err) must_use;

/*
 * Whether this worker is the one that judges the run: true for one at a time, until it has called
 * store_judge() or its connection ends; and for who was told otherwise for some leases on end.
 */
int store_may_judge(struct store *s, bool *ret, struct error *err) must_use;

#define CREW_NAME_SIZE 65

/* A worker, as others see it. */
struct store_worker {
    int64_t number;
    char host[CREW_NAME_SIZE];
    char site[CREW_NAME_SIZE]; /* empty: any */
    char run[RUN_ID_SIZE];     /* that it works on; empty: none */
    int64_t pid;
    int64_t started; /* wall clock, ns */
    int fanout;
    size_t claimed; /* servers that it holds now */
    bool again;     /* one before it is of the same process, and alive as it is */
    double lease;   /* seconds that are left; negative: it is over */
};

/*
 * All of them, by number; the caller frees *ret. A process that works on several runs is as many of
 * them.
 */
int store_workers(struct store *s, struct store_worker **ret, size_t *count,
                  struct error *err) must_use;

/* What a site has to do for a run, and who there is to do it. */
struct store_site {
    char site[CREW_NAME_SIZE]; /* empty: of no site */
    size_t pending, claimed;
    size_t workers; /* processes alive that may take them */
};

/* Those of the run that have servers without a verdict; the caller frees *ret. */
int store_sites(struct store *s, const char *run_id, struct store_site **ret, size_t *count,
                struct error *err) must_use;
