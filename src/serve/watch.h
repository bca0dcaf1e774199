/*
 * watch: runs that somebody follows.
 *
 * One thread for each run that is followed looks WATCH_RATE times a second whether anything was
 * written, for however many listeners there are, and for none it does not run. What it keeps of a
 * server is how far it is and the number of the look at which that changed; so a listener that is
 * slow, or was away for a while, gets the servers that changed since the number it knows, once
 * each, and nothing is kept for it.
 *
 * Threads: any. A listener has joined a watch until it leaves it.
 */
#pragma once

#include "model/run.h"
#include "sync/cancel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_RATE 3 /* looks a second */

struct watches;
struct watch;

/* The run at the last look that found something new. */
struct watch_view {
    uint32_t look; /* its number, from 1 */
    struct run run;
    size_t claimed; /* servers that are worked on, or about to be */
    bool over;      /* nobody works on the run, or it cannot be read any more */
};

/* `store`: its URL, and the token that ends all: borrowed. ERROR_INTERNAL. */
int watches_new(const char *store, const struct cancel *cancel, struct watches **ret,
                struct error *err) must_use;

/* All listeners have left. NULL is allowed. */
void watches_free(struct watches *all);

/* `run_id`: of a run that is there. ERROR_INTERNAL. */
int watch_join(struct watches *all, const char *run_id, struct watch **ret,
               struct error *err) must_use;
void watch_leave(struct watch *w);

/* A number that another watch of this run, before or after this one, does not have. */
uint64_t watch_epoch(const struct watch *w);

/* Waits for a view that is newer than `look`, until the deadline. Whether there is one. */
bool watch_wait(struct watch *w, uint32_t look, int64_t deadline, struct watch_view *ret);

/*
 * Puts the positions of servers that changed after the look `since` (0: of all that are done), from
 * `*position` on, into positions[], up to `max`, and sets *position behind the last that was looked
 * at. Returns how many; fewer than `max`: there are no more.
 */
size_t watch_changed(struct watch *w, uint32_t since, size_t *position, size_t *positions,
                     size_t max);
