/*
 * copylog: a run's log, taken to another store: out of a file or a table, into a file or a table
 * (store/logread.h says what is where). For the store's own files.
 *
 * It goes line by line, so that a log of gigabytes takes no more memory than a short one, and says
 * the same there. A run whose log is lost is copied without one.
 */
#pragma once

#include "store/store.h"

#include <stdint.h>

/*
 * Into the table of a shared store, as the log of the run of that number: within a transaction of
 * `to` that writes, and of which the log is a part.
 */
int copylog_to_table(struct store *from, struct store *to, const char *run_id, int64_t number,
                     struct error *err) must_use;

/*
 * Into the file beside a SQLite store that has no such run yet; what an earlier copy has left there
 * goes. On disk when it returns. *hold is the lock on the run (store/hold.h), which the caller lets
 * go when the run is in the store; -1 where there is nothing to copy, or both stores have the same
 * file.
 */
int copylog_to_file(struct store *from, struct store *to, const char *run_id, int *hold,
                    struct error *err) must_use;
