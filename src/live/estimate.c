/*
 * estimate: see estimate.h.
 *
 * A server goes through the phases in order: connecting, then each benchmark. Of each phase the
 * mean time is known from those that have ended it, and how many of those went on to the next one,
 * which not all do: a server that cannot be reached has no benchmarks. So each phase has an
 * expected time until the end, its own and that of what follows. What is left to do is that of the
 * servers that wait, and the rest of those that run; the workers share it, and at the end not all
 * of them have something to do.
 *
 * A server that is to be tried again waits for a pause, at no worker's expense: the run lasts until
 * the last of these pauses is over, and an attempt longer.
 *
 * At first only the quickest have ended a phase. So where those that are still in it have on
 * average been there for longer than the others took, they count too, with half as much again as
 * they have taken.
 */
#include "live/estimate.h"

#include <math.h>

static double mean_of(const struct board_phase *p) {
    double inside = (double)(p->begun - p->ended);
    if (p->ended == 0)
        return p->begun ? NAN : 0;
    double ended = (double)p->ended, mean = p->took / ended;
    if (inside > 0 && p->so_far / inside > mean)
        mean = (p->took + 1.5 * p->so_far) / (ended + inside);
    return mean;
}

/* What is left to those in the phase: the rest of it, and what comes `after` it. */
static double left_inside(const struct board_phase *p, double mean, double after) {
    double inside = (double)(p->begun - p->ended);
    return inside > 0 ? inside * (fmax(mean - p->so_far / inside, 0) + after) : 0;
}

/* Attempts that a server takes: some are tried again. */
static double attempts_of(const struct board_view *v) {
    const struct board_phase *connecting = &v->phases[0];
    double ended = (double)(connecting->begun - v->running);
    return v->judged > 0 && ended > (double)v->judged ? ended / (double)v->judged : 1;
}

/* Where others work on the run too, only what has come of all is known. */
static double left_of_all(const struct board_view *v) {
    return (double)(board_waiting(v) + v->running + v->crew.elsewhere) / estimate_rate(v);
}

double estimate_left(const struct board_view *v) {
    size_t waiting = board_waiting(v);
    double whole = 0; /* from the phase on, to the end */
    double again = 0; /* the same, of one attempt, after the last pause */
    double left = 0;
    if (waiting + v->running + v->crew.elsewhere == 0)
        return 0;
    if (v->shared)
        return left_of_all(v);
    if (v->phases[0].begun == 0)
        return NAN;
    for (size_t i = v->phase_count; i-- > 0;) {
        const struct board_phase *p = &v->phases[i];
        double mean = mean_of(p), next = i + 1 < v->phase_count ? (double)p[1].begun : 0;
        double after = p->ended ? fmin(next / (double)p->ended, 1) * whole : 0;
        if (isnan(mean) || isnan(whole))
            return NAN;
        left += left_inside(p, mean, after);
        whole = mean + after;
    }
    if (v->pause > 0 && waiting > 0)
        again = v->pause + whole;
    whole *= attempts_of(v);
    left += (double)waiting * whole;
    double workers = fmin(fmax(v->fanout, 1), (double)(waiting + v->running));
    double about = left / workers + whole / 2 * (1 - 1 / workers);
    return waiting ? fmax(about, again) : fmin(about, whole);
}

double estimate_rate(const struct board_view *v) {
    return v->judged > 0 && v->seconds > 0 ? (double)v->judged / v->seconds : NAN;
}
