/*
 * rate: see rate.h.
 *
 * The share of drops is an average in which the last outcome counts a sixteenth: five drops in a
 * row are too many, and so is a third over a longer time, but not one broken server in ten. It
 * begins anew with each halving, and drops of what had started before it are not counted: they tell
 * of the rate that was too high, which is known.
 *
 * Starts are spaced evenly. One that comes late, because its thread woke late, does not delay those
 * after it, so that the rate holds where the spaces are shorter than a clock's tick.
 */
#include "transport/rate.h"

#include "base/clock.h"

#include <math.h>

#define WEIGHT (1.0 / 16)    /* of an outcome in the share of drops */
#define TOO_MANY 0.25        /* of that share */
#define STEPS 8              /* of the rate, one is what a second adds */
#define SLOW 4               /* times the slowest rate, or less, is slow; */
#define ENOUGH 16            /* with so many outcomes then, it shows whether that helps, */
#define DEAF (300 * CLOCK_S) /* and it is not tried again for so long where it does not */
#define HOLDS_UP 0.8         /* of the rate: with fewer starts it holds nobody up */
#define LATE (5 * CLOCK_MS)

void rate_init(struct rate *r, double most) {
    *r = (struct rate){.most = most, .now = most};
}

static int64_t space(const struct rate *r) {
    return (int64_t)((double)CLOCK_S / r->now);
}

int64_t rate_due(const struct rate *r, int64_t now) {
    return r->now <= 0 || r->next < now ? now : r->next;
}

/* ---- going back up ------------------------------------------------------------------------- */

static void make_whole(struct rate *r) {
    r->now = r->most;
    r->full = 0;
    r->share = 0;
    r->slow = r->dropped = 0;
}

/* Starts in a second, of late. */
static double measured(const struct rate *r, int64_t now) {
    int64_t passed = now - r->second;
    if (passed >= CLOCK_S)
        return passed < 2 * CLOCK_S ? r->count : 0;
    return r->count > r->before ? r->count : r->before;
}

/* Whether it is what it was, or more, and where no most was asked for, holds nobody up any more: it
 * would begin with a burst otherwise. */
static bool is_whole(const struct rate *r, int64_t now) {
    return r->now >= r->full && (r->most > 0 || measured(r, now) <= HOLDS_UP * r->now);
}

/* Gives it back what the seconds since have earned it. */
static enum rate_change recover(struct rate *r, int64_t now) {
    if (r->full <= 0)
        return RATE_SAME;
    for (; now - r->raised >= CLOCK_S; r->raised += CLOCK_S) {
        double step = r->now / STEPS;
        r->now += step > RATE_SLOWEST ? step : RATE_SLOWEST;
        if (is_whole(r, now)) {
            make_whole(r);
            return RATE_WHOLE;
        }
    }
    return RATE_SAME;
}

/* ---- starting ------------------------------------------------------------------------------ */

static void count_start(struct rate *r, int64_t now) {
    int64_t passed = now - r->second;
    if (passed >= CLOCK_S) {
        r->before = passed < 2 * CLOCK_S ? r->count : 0;
        r->count = 0;
        r->second = now;
    }
    r->count++;
}

enum rate_change rate_start(struct rate *r, int64_t now) {
    enum rate_change change = recover(r, now);
    count_start(r, now);
    if (r->now > 0) {
        int64_t from = r->next > now - LATE ? r->next : now - LATE;
        r->next = from + space(r);
    }
    return change;
}

/* ---- going down ---------------------------------------------------------------------------- */

static double slowest(const struct rate *r) {
    return r->most > 0 && r->most < RATE_SLOWEST ? r->most : RATE_SLOWEST;
}

static enum rate_change halve(struct rate *r, int64_t now) {
    bool first = r->full <= 0;
    if (first)
        r->full = r->now > 0 ? fmin(r->now, measured(r, now)) : measured(r, now);
    r->now = (first ? r->full : r->now) / 2;
    if (r->now < slowest(r))
        r->now = slowest(r);
    if (r->full < r->now)
        r->full = r->now;
    r->share = 0;
    r->changed = r->raised = now;
    r->next = now + space(r);
    return first ? RATE_SLOWED : RATE_SLOWER;
}

/* Whether as much is dropped although little starts. */
static bool is_unrelated(struct rate *r, bool dropped) {
    if (r->full <= 0 || r->now > SLOW * slowest(r))
        return false;
    r->slow++;
    r->dropped += dropped;
    return r->slow >= ENOUGH && r->dropped >= TOO_MANY * r->slow;
}

enum rate_change rate_learn(struct rate *r, int64_t began, bool dropped, int64_t now) {
    enum rate_change change = recover(r, now);
    if (change != RATE_SAME || began < r->changed || now < r->deaf)
        return change;
    r->share += ((dropped ? 1 : 0) - r->share) * WEIGHT;
    if (dropped)
        r->raised = now;
    if (is_unrelated(r, dropped)) {
        make_whole(r);
        r->deaf = now + DEAF;
        return RATE_UNRELATED;
    }
    if (r->share < TOO_MANY || (r->full > 0 && r->now <= slowest(r)))
        return RATE_SAME;
    return halve(r, now);
}
