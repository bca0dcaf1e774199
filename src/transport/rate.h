/*
 * rate: how many may start in a second, slower while what starts is dropped.
 *
 * A machine that gets more connections at a time than it takes drops some of them while they start.
 * Too many drops halve the rate, once for all that had started by then; each second without one
 * adds an eighth, or one where that is more, until the rate holds nobody up any more. Where slow
 * starts are dropped as much, speed is not the cause, and nobody is held up for it.
 *
 * Threads: plain data, with the time as an argument.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_SLOWEST 1.0 /* a second, unless less was asked for */

struct rate {
    double most;       /* a second; 0: any number */
    double now;        /* a second, at most `most`; 0: any number */
    double full;       /* what it was when it was first halved; 0: it is not */
    double share;      /* of drops, of late */
    int slow, dropped; /* outcomes at the slowest rates, and drops among them */
    int64_t next;      /* when the next may start */
    int64_t changed;   /* when it was last halved; what started before tells nothing */
    int64_t raised;    /* when it was last raised, or had reason not to be */
    int64_t deaf;      /* until when drops are not heard, because slowing down did not help */
    int64_t second;    /* when `count` began */
    int count, before; /* starts in this second and in the one before */
};

/* What has become of it, for the log. */
enum rate_change {
    RATE_SAME,
    RATE_SLOWED,    /* halved for the first time */
    RATE_SLOWER,    /* and again */
    RATE_WHOLE,     /* as it was at first */
    RATE_UNRELATED, /* as it was, because the drops went on however slow it was */
};

/* `most` starts a second, 0: any number. */
void rate_init(struct rate *r, double most);

/* When the next may start: `now`, or later. */
int64_t rate_due(const struct rate *r, int64_t now);

/* One starts. */
enum rate_change rate_start(struct rate *r, int64_t now);

/* What came of the one that had started at `began`. */
enum rate_change rate_learn(struct rate *r, int64_t began, bool dropped, int64_t now);
