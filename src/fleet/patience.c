/*
 * patience: see patience.h.
 *
 * Many workers lose a store at the same moment. So that they do not all come back at the same one,
 * a pause is drawn between half of it and the whole.
 */
#include "fleet/patience.h"

#include "base/clock.h"
#include "sync/log.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST (100 * CLOCK_MS)
#define LONGEST (5 * CLOCK_S)
#define AT_THE_END (10 * CLOCK_S) /* that an ending run gives the store to come back */

static int64_t pause_of(int tries) {
    int64_t pause = FIRST;
    for (int i = 1; i < tries && pause < LONGEST; i++)
        pause *= 2;
    if (pause > LONGEST)
        pause = LONGEST;
    return pause / 2 + (int64_t)((double)(pause / 2) * drand48());
}

static bool reached(struct patience *p) {
    if (p->since)
        log_info("the store is back", LOG_F("seconds", (double)(clock_now() - p->since) / 1e9));
    *p = (struct patience){.pulse = p->pulse};
    return true;
}

static void begin(struct patience *p, const struct error *err) {
    p->since = clock_now();
    srand48(p->since);
    log_warning("the store cannot be reached: trying again", LOG_S("detail", err->text));
}

bool patience_answered(struct patience *p, const struct cancel *cancel, ssize_t rc,
                       const struct error *err) {
    pulse_set_ready(p->pulse, rc >= 0);
    if (rc >= 0)
        return reached(p);
    if (err->os != ECONNRESET)
        return true;
    if (!p->since)
        begin(p, err);
    int64_t until = deadline_in(pause_of(++p->tries));
    if (!cancel_sleep(cancel, until))
        return false;
    if (!p->limit)
        p->limit = deadline_in(AT_THE_END);
    if (clock_now() >= p->limit)
        return true;
    struct timespec rest = deadline_timespec(until);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &rest, NULL);
    return false;
}
