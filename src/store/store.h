/*
 * store: where runs are kept. A SQLite database in WAL mode; what was committed survives a crash of
 * muster and of the machine.
 *
 * A run's servers are rows that go from pending to claimed to done, each exactly once; the rows are
 * numbered from 0 in the inventory's order (`position`). A schema version stands in the database;
 * an older one is migrated when it is opened, a newer one is refused.
 *
 * Threads: a store belongs to one thread. Errors are of kind ERROR_STORE and name the file.
 */
#pragma once

#include "base/error.h"
#include "model/result.h"
#include "model/run.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/*
 * Opens the store at `url`: a path, sqlite:PATH, or NULL for $XDG_STATE_HOME/muster/muster.db
 * (~/.local/state without the variable). Makes the file and its folder (mode 0700) when they are
 * not there and `create` is true; without it nothing is written, and all that is read is of one
 * moment: that of the first read. A scheme that is not known, a file that is no database, one of a
 * newer version or one that cannot be written fails with ERROR_USAGE: nothing was run yet.
 */
int store_open(const char *url, bool create, struct store **ret, struct error *err) must_use;
void store_close(struct store *s);

/* Where the log of a run is kept: logs/ID.jsonl beside the database. The caller frees it. */
char *store_log_path(const struct store *s, const char *run_id);

/* Adds a run and its servers, all pending. Fills run->id and run->started. */
int store_begin(struct store *s, struct run *run, const struct servers *servers,
                struct error *err) must_use;

struct store_result {
    size_t position;
    const struct server_result *result;
};

/*
 * Hands in `n` results and claims up to `max` pending servers in the inventory's order, into
 * positions[], in one transaction: when it returns, the results are on disk. A result of
 * VERDICT_CANCELLED leaves its server pending. Returns how many were claimed, or -1.
 */
ssize_t store_turn(struct store *s, const char *run_id, const struct store_result *results,
                   size_t n, size_t max, size_t *positions, struct error *err) must_use;

/* Gives claimed servers back as pending, and notes that the run has ended (or was interrupted). */
int store_end(struct store *s, const struct run *run, struct error *err) must_use;

/* The run of this id (`last`: the newest). ERROR_USAGE with the nearest id when there is none. */
int store_run(struct store *s, const char *run_id, struct run *ret, struct error *err) must_use;

/* All runs, the newest first; the caller frees *ret. */
int store_runs(struct store *s, struct run **ret, size_t *count, struct error *err) must_use;

/*
 * Calls each() for every server of the run in the inventory's order; a server without a verdict has
 * a result of VERDICT_CANCELLED, REASON_INTERRUPTED. The result is borrowed for the call. A
 * negative value of each() ends the walk and is returned.
 */
typedef int store_each_fn(void *arg, const char *server, const struct server_result *result,
                          struct error *err);
int store_each(struct store *s, const char *run_id, store_each_fn *each, void *arg,
               struct error *err) must_use;
