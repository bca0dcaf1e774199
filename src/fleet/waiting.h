/*
 * waiting: servers between two attempts, the one whose pause ends first at the front.
 *
 * Plain data of the orchestrator.
 */
#pragma once

#include "base/attr.h"
#include "fleet/attempt.h"

struct waiting {
    struct attempt **items; /* a heap by `due` */
    size_t count;
    size_t cap;
};

/* Frees the attempts, too. */
void waiting_done(struct waiting *w);

/* Takes the attempt over. Returns 0, or -1 when memory ran out: it is still the caller's. */
int waiting_add(struct waiting *w, struct attempt *a) must_use;

/* When the next pause ends; DEADLINE_NEVER: nobody waits. */
int64_t waiting_next(const struct waiting *w);

/* Hands over one whose pause is over at `now`, or NULL. DEADLINE_NEVER as `now`: any. */
struct attempt *waiting_take(struct waiting *w, int64_t now);
