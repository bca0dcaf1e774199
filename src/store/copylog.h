/*
 * copylog: a run's log, taken to another store: out of a file or a table, into a file or a table
 * (store/logread.h says what is where). For the store's own files.
 *
 * It goes line by line, so that a log of gigabytes takes no more memory than a short one, and says
 * the same there. A run whose log is lost is copied without one.
 */
#pragma once

#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Into the table of a shared store, as the log of the run of that number: within a transaction of
 * `to` that writes, and of which the log is a part.
 */
int copylog_to_table(struct store *from, struct store *to, const char *run_id, int64_t number,
                     struct error *err) must_use;

/* A log as a file, and the lock on its run (store/hold.h). */
struct copylog_file {
    int hold;
    bool copied; /* it is the copy's own, and goes if that comes to nothing */
    bool there;  /* another copy has brought the run there meanwhile: nothing was done */
    bool empty;  /* there was no log: it is there for the lock, and goes with it */
};

/*
 * Into the file beside a SQLite store that has no such run yet; what an earlier copy has left there
 * goes. On disk when it returns. The caller closes `hold` when the run is in the store. Nothing is
 * copied where both stores have the same file.
 */
int copylog_to_file(struct store *from, struct store *to, const char *run_id,
                    struct copylog_file *ret, struct error *err) must_use;
