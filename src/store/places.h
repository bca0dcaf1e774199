/*
 * places: which servers may be claimed where limits say how many that have the same value of a
 * label are worked on at once: four of one rack, say. For the store's own files.
 *
 * What is worked on is what is claimed, in any run of the store, whether that has limits or not; of
 * a run whose process has died nothing is (on PostgreSQL: once it was given back). It is counted
 * anew for every claim, within the claim's transaction, of which there is one at a time: SQLite has
 * one writer, and on PostgreSQL those that have limits wait for each other.
 */
#pragma once

#include "store/database.h"

/*
 * Chooses up to `max` servers of the run for which there is a place, the first ones in the order in
 * which they are claimed, and takes it that they are being claimed. Returns how many, or -1. Within
 * a transaction that writes; when that is undone, or what it claims is not what was chosen,
 * places_forget() must be called.
 */
ssize_t places_choose(struct store *s, int64_t run, size_t max, size_t *positions,
                      struct error *err) must_use;

/* Nothing of what was chosen could be claimed: so nothing is held back by limits. */
void places_missed(struct places *p);

/* What is pending is read anew, by the next choice. NULL is allowed. */
void places_forget(struct places *p);

/* NULL is allowed. */
void places_free(struct places *p);
