/*
 * sites: who works on a run of a shared store, and what nobody does. A site that has servers to
 * measure and no worker is said: it is not waited for in silence.
 */
#pragma once

#include "base/str.h"
#include "live/board.h"
#include "store/store.h"

/* {0} at first. */
struct sites {
    struct str warned; /* sites that the log has been told of, a line each */
    int64_t due;       /* when it looks again, of clock_now() */
};

void sites_done(struct sites *s);

/*
 * Looks, if the last look is old enough for what it cost, and tells the board; `mine` servers of
 * those that are claimed are this process's. Warns in the log of each site without a worker once.
 */
int sites_look(struct sites *s, struct store *store, const struct run *run, size_t mine,
               struct board *board, struct error *err) must_use;

/*
 * Appends a sentence on the sites of the run that have servers to measure and no worker; nothing
 * where there are none.
 */
int sites_say(struct str *out, struct store *store, const struct run *run,
              struct error *err) must_use;
