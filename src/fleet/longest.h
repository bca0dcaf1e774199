/* longest: servers that took long in earlier runs are begun first. The orchestrator's. */
#pragma once

#include "policy/plan.h"
#include "store/store.h"

/*
 * Sets the order in which the run's pending servers are claimed (policy/order.h), from what the
 * store knows of them (store/history.h), and says so in the log; when it knows none of them they
 * keep the inventory's. Fails with ERROR_STORE or ERROR_INTERNAL.
 */
int longest_first(struct store *store, const struct plan *plan, const struct run *run,
                  struct error *err) must_use;
