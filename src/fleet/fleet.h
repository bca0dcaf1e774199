/*
 * fleet: a run over many servers: claim, submit, collect, store, report.
 *
 * The calling thread, the orchestrator, alone touches the store and the totals. It claims pending
 * servers from the store, keeps the pool's workers supplied, takes what is done in the order in
 * which it is done, writes it, and only when it is on disk says so in the log.
 */
#pragma once

#include "bench/bench.h"
#include "fleet/slots.h"
#include "model/run.h"
#include "store/store.h"
#include "store/worklog.h"
#include "sync/ending.h"
#include "sync/pulse.h"

enum fleet_until {
    FLEET_WHOLE, /* until every server of the run has its verdict, and the run its judgement */
    FLEET_SHARE, /* of a shared store: until there is nothing that this worker may claim now */
};

struct fleet {
    const struct plan *plan;
    struct transport *transport;
    struct store *store;
    struct worklog *log;        /* is carried into the store as it grows; NULL: it is not */
    struct cancel *cancel;      /* fire it to end the run early */
    struct ending ending;       /* how long a shared store is still waited for then */
    const struct cancel *drain; /* fire it to claim no more, and end in `grace`; or NULL */
    int64_t grace;              /* ns for what is measured then, before it is cancelled */
    enum fleet_until until;
    struct pulse *pulse; /* beats as often as the orchestrator comes round; NULL: nobody feels it */
    struct board *board; /* told how far the run is; NULL: nobody looks */
    struct slots_part *slots; /* its own, where fleets share them; NULL: it has all its fan-out */
    int64_t progress; /* ns between two lines of the log that say so; 0: none, nor a board */
};

/*
 * Runs what is pending of the run, which the store holds, in the inventory's order or, if the plan
 * says so, those first that are expected to take longest (fleet/longest.h). Adds to run's totals
 * and seconds, and fills those of outcomes[], one for each of the servers in their order, that have
 * no verdict yet: VERDICT_CANCELLED without a reason. The caller frees their details. For a share
 * of a run outcomes is NULL: the memory in use does not grow with the run, but for who judges it.
 * When the token was fired, or the run's time is over, servers without a verdict are cancelled and
 * stay pending in the store; that is no error.
 *
 * Fails with ERROR_STORE when the store cannot be written any more, or with ERROR_INTERNAL for want
 * of memory at its start; every session has ended by then. A server for which no thread or no
 * memory can be had ends in REASON_INTERNAL.
 */
int fleet_run(const struct fleet *f, struct run *run, struct outcome *outcomes,
              struct error *err) must_use;
