/*
 * judgement: a run judged as a whole, once its servers were measured.
 *
 * What one server came to was decided when it was measured, against thresholds and references. Here
 * servers are held against their peers and against their own past, and what is different about
 * those that fell behind is looked for. Pure functions do that (policy/peers and its neighbours),
 * and what they come to is written in one transaction; made again, it comes to the same, because a
 * verdict that it gave is taken back before. So a run that died between its last result and its
 * judgement is judged when it is resumed.
 *
 * Numbers may be taken while results come in, so that a fleet is judged at once when its last one
 * is there; what was not taken so, because an earlier sitting or another worker has measured it,
 * and what servers say of themselves, is read from the store.
 *
 * Of each server it holds its numbers and a few dozen bytes; texts only of those that did not pass,
 * or of which there is something to say.
 *
 * The orchestrator's.
 */
#pragma once

#include "model/run.h"
#include "policy/plan.h"
#include "store/store.h"

struct judgement;

/* Of a run of so many servers, which has no results yet. Fails with ERROR_INTERNAL. */
int judgement_new(size_t servers, struct judgement **ret, struct error *err) must_use;

/* NULL is allowed. */
void judgement_free(struct judgement *j);

/*
 * Takes what one server came to, as it stands in the store. Without memory it is not taken, and
 * read from there later.
 */
void judgement_take(struct judgement *j, size_t position, const struct server_result *r);

/*
 * Judges the run that the store holds: its totals and outcomes[], in the inventory's order, become
 * what is on disk; NULL: nobody asks for them. Once for a judgement. Fails with ERROR_STORE or
 * ERROR_INTERNAL; then nothing has changed on disk. Returns 1, with nothing changed, where
 * store_judge() does.
 */
int judgement_make(struct judgement *j, struct store *store, const struct plan *plan,
                   struct run *run, struct outcome *outcomes, struct error *err) must_use;
