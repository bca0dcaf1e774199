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

static int64_t pause_of(int tries) {
    int64_t pause = FIRST;
    for (int i = 1; i < tries && pause < LONGEST; i++)
        pause *= 2;
    if (pause > LONGEST)
        pause = LONGEST;
    int64_t now = clock_now();
    unsigned short drawn[3] = {(unsigned short)now, (unsigned short)(now >> 16),
                               (unsigned short)(now >> 32)};
    return pause / 2 + (int64_t)((double)(pause / 2) * erand48(drawn));
}

static bool reached(struct patience *p) {
    if (p->since)
        log_info("the store is back", LOG_F("seconds", (double)(clock_now() - p->since) / 1e9));
    *p = (struct patience){.pulse = p->pulse};
    return true;
}

static void begin(struct patience *p, const struct error *err) {
    p->since = clock_now();
    log_warning("the store cannot be reached: trying again", LOG_S("detail", err->text));
}

/* Goes on after the token was fired, for as long as that may take. */
static void rest(const struct ending *e, int64_t until) {
    if (e->cancel && !cancel_sleep(e->cancel, until))
        return;
    struct timespec end = deadline_timespec(deadline_min(until, ending_deadline(e, 0)));
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

bool patience_answered(struct patience *p, const struct ending *ending, ssize_t rc,
                       const struct error *err) {
    pulse_set_ready(p->pulse, rc >= 0);
    if (rc >= 0)
        return reached(p);
    if (err->os != ECONNRESET || ending_passed(ending))
        return true;
    if (!p->since)
        begin(p, err);
    rest(ending, deadline_in(pause_of(++p->tries)));
    return false;
}
