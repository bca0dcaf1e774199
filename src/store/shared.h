/*
 * shared: what a turn, a sitting and a reader do differently where the store is shared. For the
 * store's own files; store/crew.h says what a crew is. All within a transaction that writes.
 */
#pragma once

#include "store/claimed.h"
#include "store/crew.h"
#include "store/database.h"

/*
 * Renews the lease of this worker, or joins anew after its lease was over or the connection was
 * lost: then what it holds is claimed on, as far as nobody else has it.
 */
int shared_renew(struct store *s, struct error *err) must_use;

/* The transaction that renewed is on disk. */
void shared_in_contact(struct store *s);

/* Gives back what dead workers had claimed, once this one may say so. */
int shared_reap(struct store *s, struct error *err) must_use;

/*
 * Sets which results are `refused`, and which are `there` already, after a transaction that had no
 * answer. The rows of the others are locked, and what a result that left them pending measured is
 * gone.
 */
int shared_accept(struct store *s, struct store_result *results, size_t n,
                  struct error *err) must_use;

/* Adds to what this worker has counted in the run. */
int shared_count(struct store *s, const struct run *counts, double seconds,
                 struct error *err) must_use;

/* Claims up to `max` servers that are pending. */
int shared_claim(struct store *s, size_t max, struct claimed *into, struct error *err) must_use;

/* The turn is on disk: these results are handed in, and what it claimed is this worker's. */
void shared_settle(struct store *s, const struct store_result *results, size_t n);

/* Gives all of the held run back that the worker of this number has claimed. */
int shared_unclaim(struct store *s, int64_t number, struct error *err) must_use;

/* What was given back so is on disk. */
void shared_unclaimed(struct store *s);

/* Lets others judge the held run; what they wait for. Not within a transaction. */
int shared_judged(struct store *s, struct error *err) must_use;

/* Whether a worker that is alive has servers of the run of this number, or is at work for it. */
int shared_is_busy(struct store *s, int64_t number, bool *ret, struct error *err) must_use;
