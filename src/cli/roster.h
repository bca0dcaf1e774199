/*
 * roster: what the loops of one worker (cli/workloop.h) know of each other: which runs are in hand,
 * which are left alone for a while, and which loop looks for the next one.
 *
 * One loop at a time looks, from the search in the store until it begins to measure: what reading a
 * run changes of the process, its working folder or getopt()'s memory, is that loop's meanwhile.
 * Another one looks where no run is in hand, or those that are leave slots that nobody has a use
 * for (fleet/slots.h).
 *
 * Threads: any.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "fleet/slots.h"
#include "model/run.h"
#include "sync/cancel.h"

#include <stdbool.h>

/*
 * Runs in hand at a time, at most: each costs a connection to the store, the memory of its servers
 * and a look at the store every second, and so many long tails at once are rare.
 */
#define ROSTER_MOST 8

struct roster;

/* `most` runs in hand at a time. Fails with ERROR_INTERNAL. */
int roster_new(size_t most, struct roster **ret, struct error *err) must_use;

/* No loop is left. NULL is allowed. */
void roster_free(struct roster *r);

/* The slots that the fleets share. */
struct slots *roster_slots(struct roster *r);

/* Whether a loop is wanted that looks for a run. */
bool roster_lacks(struct roster *r);

/*
 * The caller looks from now on, if that is wanted and no other does; or goes on looking, if that
 * is. Where it is told not to, it looks no more.
 */
bool roster_look(struct roster *r);
bool roster_look_on(struct roster *r);

/* It looks no more. */
void roster_look_away(struct roster *r);

/* What is not to be looked for: ids with a space between two. Fails with ERROR_INTERNAL. */
int roster_except(struct roster *r, struct str *out, struct error *err) must_use;

/* Leaves a run alone for a minute: it cannot be worked on here. Fails with ERROR_INTERNAL. */
int roster_pass_over(struct roster *r, const char *run, struct error *err) must_use;

/* Leaves it alone as long as others are in hand, for a while. Fails with ERROR_INTERNAL. */
int roster_put_off(struct roster *r, const char *run, struct error *err) must_use;

/* Whether a run was passed over, ever. */
bool roster_passed_over(struct roster *r);

/*
 * The one who looks has a run in hand from now on, and looks no more; the token ends it, and is
 * fired by roster_end_all(), also where that was called before. roster_done() takes it away, while
 * the token is still there.
 */
int roster_begin(struct roster *r, const char *run, struct cancel *cancel,
                 struct error *err) must_use;
void roster_done(struct roster *r, const char *run);

/* How many are in hand. */
size_t roster_count(struct roster *r);

/* Ends the sessions of all runs in hand, and of those to come. */
void roster_end_all(struct roster *r);

/*
 * Whether the run's folder may become the process's working folder: where threads cannot have their
 * own, only those of one folder are worked on side by side. NULL: the folder of the run is not
 * here.
 */
bool roster_may_move(struct roster *r, const char *folder);
