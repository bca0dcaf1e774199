/* crew: see crew.h. A store that cannot be reached is waited for (fleet/patience). */
#include "fleet/crew.h"

#include "base/clock.h"
#include "fleet/judgement.h"
#include "live/board.h"
#include "store/crew.h"
#include "sync/log.h"

#include <string.h>

#define POLL CLOCK_S /* between two looks, where nobody says that something has changed */

static bool answered(struct crew_view *v, int rc, const struct error *err) {
    return patience_answered(v->patience, &v->fleet->ending, rc, err);
}

int crew_look(struct crew_view *v, size_t mine, struct error *err) {
    struct run run = *v->run;
    int rc;
    do {
        rc = store_look(v->fleet->store, &run, &v->left, err);
        if (rc == 0 && v->fleet->until == FLEET_WHOLE)
            rc = sites_look(&v->sites, v->fleet->store, &run, mine, v->fleet->board, err);
    } while (!answered(v, rc, err));
    if (rc < 0)
        return -1;
    run.cancelled = 0; /* counted at the end */
    run.seconds = v->run->seconds;
    if (!run.stopped[0]) /* the store is told when what runs here has ended */
        memcpy(run.stopped, v->run->stopped, sizeof(run.stopped));
    *v->run = run;
    board_totals(v->fleet->board, v->run);
    return 0;
}

static int read_outcomes(struct crew_view *v, struct error *err) {
    for (size_t i = 0; i < v->run->total; i++) {
        const char *server = v->outcomes[i].server;
        outcome_done(&v->outcomes[i]);
        v->outcomes[i] = (struct outcome){.server = server, .verdict = VERDICT_CANCELLED};
    }
    return store_outcomes(v->fleet->store, v->run, v->outcomes, err);
}

static int outcomes(struct crew_view *v, struct error *err) {
    int rc;
    do
        rc = read_outcomes(v, err);
    while (!answered(v, rc, err));
    return rc;
}

/*
 * Judges the run, of which nothing is claimed or pending, unless another worker does. Returns 1
 * when that came to nothing: the store was lost, or another was faster.
 */
static int judge(struct crew_view *v, struct error *err) {
    const struct fleet *f = v->fleet;
    struct judgement *j = NULL;
    bool mine = false;
    int rc = store_may_judge(f->store, &mine, err);
    if (rc == 0 && !mine)
        return 1;
    if (rc == 0)
        rc = judgement_new(v->run->total, &j, err);
    if (rc == 0)
        rc = judgement_make(j, f->store, f->plan, v->run, NULL, err);
    judgement_free(j);
    return answered(v, rc, err) ? rc : 1;
}

int crew_settle(struct crew_view *v, struct error *err) {
    const struct fleet *f = v->fleet;
    for (;;) {
        if (crew_look(v, 0, err) < 0)
            return -1;
        if (v->left > 0 || v->run->judged)
            return f->until == FLEET_WHOLE ? outcomes(v, err) : 0;
        int rc = judge(v, err);
        if (rc < 0)
            return rc;
        if (f->until == FLEET_SHARE || (rc > 0 && cancel_fired(f->cancel)))
            return 0;
        if (rc > 0)
            store_await(f->store, f->cancel, deadline_in(POLL));
    }
}

int crew_stop(struct crew_view *v, struct error *err) {
    int rc;
    do
        rc = store_stop(v->fleet->store, v->run, err);
    while (!answered(v, rc, err));
    return rc;
}

int crew_end(struct crew_view *v, struct error *err) {
    int rc;
    do
        rc = store_end(v->fleet->store, v->run, err);
    while (!answered(v, rc, err));
    return rc;
}
