/*
 * links: which rows of earlier runs are of the same server (store/history.h says when). For the
 * store's own files.
 */
#pragma once

#include "base/error.h"
#include "store/database.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is compared with each other only: `like` of a run; 0 for a run that there is none of. */
enum { LINKS_PLAIN = 1, LINKS_QUICK = 2, LINKS_SIMULATED = 4 };

struct links_run {
    int64_t number;
    int64_t started;
    int like;
};

struct link {
    int64_t run;
    int64_t position;
};

struct links {
    struct store *s;
    struct links_run *runs; /* by number, up to the newest that is looked from */
    size_t run_count;
    int like; /* what `alike` is: as the run that is looked from, unless it is set to another */
    struct sql_stmt *by_name, *by_machine;
};

/* Looks from the run of this number into the past. Free with links_done(), on failure too. */
int links_open(struct store *s, int64_t run, struct links *ret, struct error *err) must_use;
void links_done(struct links *l);

/* NULL when there is no such run, or it is newer than the one that is looked from. */
const struct links_run *links_run(const struct links *l, int64_t number);

/*
 * Writes the rows of the server that has this name and machine (or NULL) in the run that is looked
 * from, up to `max`, the newest first, that run's own included. With `alike` only those of runs
 * that its values may be compared with. Returns how many, or -1.
 */
ssize_t links_find(struct links *l, const char *name, const char *machine, bool alike, size_t max,
                   struct link *ret, struct error *err) must_use;
