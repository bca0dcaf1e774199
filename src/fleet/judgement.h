/*
 * judgement: a run judged as a whole, once its servers were measured.
 *
 * What one server came to was decided when it was measured, against thresholds and references. Here
 * servers are held against their peers and against their own past, and what is different about
 * those that fell behind is looked for. It is read from the store, made by pure functions
 * (policy/peers and its neighbours), and written in one transaction; made again, it comes to the
 * same, because a verdict that it gave is taken back before. So a run that died between its last
 * result and its judgement is judged when it is resumed.
 *
 * The orchestrator's.
 */
#pragma once

#include "model/run.h"
#include "policy/plan.h"
#include "store/store.h"

/*
 * Judges the run that the store holds: its totals and outcomes[], in the inventory's order, become
 * what is on disk. Fails with ERROR_STORE or ERROR_INTERNAL; then nothing has changed on disk.
 */
int judgement_make(struct store *store, const struct plan *plan, struct run *run,
                   struct outcome *outcomes, struct error *err) must_use;
