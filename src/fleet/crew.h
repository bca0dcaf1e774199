/*
 * crew: a run that several workers share, as one of them sees it: how far all of them are, and who
 * judges it in the end. The orchestrator's, of a shared store only (store/crew.h).
 */
#pragma once

#include "fleet/fleet.h"
#include "fleet/patience.h"
#include "fleet/sites.h"

struct crew_view {
    const struct fleet *fleet;
    struct run *run;
    struct outcome *outcomes;
    struct patience *patience;
    size_t left; /* servers of the run that have no verdict, as far as crew_look() has seen */
    struct sites sites; /* looked at where this process tells how the whole run goes */
};

/*
 * Makes *run what it is by now, and tells the board; `mine`: servers that this worker has in hand.
 * Fails with ERROR_STORE.
 */
int crew_look(struct crew_view *v, size_t mine, struct error *err) must_use;

/*
 * When every server has its verdict, sees to it that the run is judged: by this worker, or by
 * another. With FLEET_WHOLE, outcomes[] and *run are then what is on disk, also of a run that ends
 * early; with FLEET_SHARE a judgement that another worker is at is not waited for.
 */
int crew_settle(struct crew_view *v, struct error *err) must_use;

/* Ends the run for everybody, for the reason in run->stopped. */
int crew_stop(struct crew_view *v, struct error *err) must_use;

/* Gives back what this worker has claimed. */
int crew_end(struct crew_view *v, struct error *err) must_use;
