/*
 * probe: whether a program is alive and ready, over HTTP, for who supervises it.
 *
 *     GET /live   200 while its main loop comes round, else 503
 *     GET /ready  200 while it can do what it is there for, else 503
 *
 * Nothing else is told, and nothing can be asked for: it may listen where others can connect.
 */
#pragma once

#include "base/error.h"
#include "sync/pulse.h"

struct probe;

/*
 * Listens at `address` (serve/listen.h) with a thread of its own, which answers until probe_stop().
 * Borrows the pulse. ERROR_USAGE says what is wrong with the address, or who has it already.
 */
int probe_start(const char *address, const struct pulse *pulse, struct probe **ret,
                struct error *err) must_use;

/* NULL is allowed. */
void probe_stop(struct probe *p);
