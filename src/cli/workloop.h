/*
 * workloop: a thread of `muster worker` that takes its share of one run after the other. It has a
 * connection of its own, and so is a worker of the store, with a lease; the process has as many as
 * it has runs in hand, and one more while it looks for another (cli/roster.h).
 */
#pragma once

#include "cli/roster.h"
#include "cli/runoptions.h"
#include "store/crew.h"
#include "sync/pulse.h"

#include <stdatomic.h>

/* What all loops of the process have in common; it outlives them. */
struct workplace {
    /* as it was told */
    struct run_output output;
    struct store_enlistment as;
    const char *only; /* the run, or NULL */
    int fanout;       /* of all together; 0: as each run says */
    bool exit_when_idle;
    int64_t grace;

    int home;             /* the folder that it was started in */
    int bell;             /* an eventfd: a loop has ended, or begun with a run */
    struct cancel *drain; /* to claim no more */
    struct roster *roster;
    struct pulse *pulse;

    /* of the loop that looks */
    char only_id[RUN_ID_SIZE];
    bool ready;       /* a loop has joined the crew, and said so */
    atomic_bool idle; /* there is nothing left, and it was told to end then */
};

/* ns for a store that does not answer, when the grace is over */
#define WORKLOOP_MOMENT (2 * INT64_C(1000000000))

struct workloop;

/* Starts one, which looks for a run; it ends when another does, or the token is fired. */
int workloop_start(struct workplace *place, struct workloop **ret, struct error *err) must_use;

/* Its part of the pulse. */
struct pulse *workloop_pulse(const struct workloop *l);

/* Whether it has ended: workloop_end() does not wait then. */
bool workloop_has_ended(const struct workloop *l);

/*
 * Frees it. Fails with what ended it: ERROR_STORE or ERROR_INTERNAL. What it has claimed and not
 * measured is given back, or is when its lease is over.
 */
int workloop_end(struct workloop *l, struct error *err) must_use;
