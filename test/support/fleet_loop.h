/*
 * fleet_loop: a thread's share of the simulated servers' connections.
 */
#pragma once

#include "fleet.h"

struct loop;

/* Listens. `fleet` must outlive it. Fails with ERROR_INTERNAL. */
int loop_new(struct fleet *fleet, struct loop **ret, struct error *err) must_use;

/* Serves until the fleet's token fires; for pthread_create(). */
void *loop_run(void *loop);

/* Closes its connections. NULL is allowed. */
void loop_free(struct loop *l);
