/*
 * slots: how many servers a process works on at once, shared by the fleets of several runs in it.
 *
 * A fleet takes its part before it claims or begins, and never for more than its plan's fan-out
 * together with what the others have. What it cannot use is the next fleet's. An older run comes
 * first: what it is waiting for is not given to a younger one.
 *
 * A fleet that is alone has what it likes, ahead of what it works on, too: its pool sees to it that
 * no more are worked on than its fan-out.
 *
 * Threads: any. NULL for a part is one of a fleet that shares with nobody.
 */
#pragma once

#include "base/error.h"
#include "model/run.h"

#include <stdbool.h>
#include <stddef.h>

struct slots;

/* A fleet's part; its own, zeroed. */
struct slots_part {
    struct slots *of;
    struct slots_part *next; /* the next younger one */
    char run[RUN_ID_SIZE];
    size_t fanout;
    size_t used;   /* servers that it works on, or is about to claim */
    size_t wanted; /* more that it waits for */
    bool asked;    /* it has, and so is known to leave what it does not use */
};

/* Fails with ERROR_INTERNAL. */
int slots_new(struct slots **ret, struct error *err) must_use;

/* Every part has left. NULL is allowed. */
void slots_free(struct slots *s);

/* A fleet of this run and fan-out begins; it ends with slots_leave(). */
void slots_join(struct slots *s, struct slots_part *p, const char *run, int fanout);
void slots_leave(struct slots_part *p);

/*
 * It works on `busy` servers and has use for as many as `most` more. Returns how many of them it
 * may claim.
 */
size_t slots_ask(struct slots_part *p, size_t busy, size_t most);

/*
 * What came of that: it works on `busy` servers now, and would have begun with `wanted` more. Those
 * are not given to younger ones.
 */
void slots_settle(struct slots_part *p, size_t busy, size_t wanted);

/* Takes one for a server that is to be begun with again. Where it gets none, it waits for one. */
bool slots_take(struct slots_part *p);

/* Whether all the fleets leave some: there is room for another one. */
bool slots_spare(struct slots *s);
