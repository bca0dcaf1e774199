/*
 * upkeep: looking a store over, and taking what it holds to another one.
 */
#pragma once

#include "base/error.h"
#include "store/store.h"

#include <stddef.h>

/* `what` is a sentence without its full stop. A negative value ends it and is returned. */
typedef int store_tell_fn(void *arg, const char *what, struct error *err);

/*
 * Looks for what cannot be if the store is whole: damage that the database itself finds (SQLite's
 * integrity check), counts that are not those of the rows, verdicts without a reason, rows of
 * servers or runs that are not there, servers that nobody alive has claimed. Calls tell() for each
 * kind of them, with how many there are and the first. Returns how many kinds, or -1.
 */
int store_check(struct store *s, store_tell_fn *tell, void *arg, struct error *err) must_use;

/* What was done. */
struct store_copied {
    size_t runs, servers, baselines;
    size_t there; /* runs that the other store had already, by their id */
    size_t busy;  /* runs that somebody works on: they are not copied */
};

/*
 * Copies every run of `from` that `to` has not, with all that is known of it and its log, and every
 * baseline of which `to` has none; between two of SQLite with what commands printed, too, which is
 * in files beside it, and for which a database has no place. A run is copied whole or not at all;
 * of SQLite others may write to `to` meanwhile. What was claimed is pending there, and nobody goes
 * on with it until it is resumed there. tell() is called for each run, before it is copied or
 * passed over. ERROR_USAGE when both are the same.
 */
int store_copy(struct store *from, struct store *to, store_tell_fn *tell, void *arg,
               struct store_copied *ret, struct error *err) must_use;

/*
 * Drops a run, with all that belongs to it: its servers and their results, its log, and, on this
 * machine, what commands printed. Baselines that were learned from it stay, as they have its
 * numbers. Returns 0, or with nothing changed STORE_DROP_BUSY when somebody works on it (it may
 * wait for a worker), and STORE_DROP_GONE when it is not there: somebody else has dropped it.
 *
 * When it fails or is killed, the run is either there as it was, or gone for everybody; what is
 * left of it then goes with the next store_drop_rest(). Each transaction is short, and others may
 * write meanwhile. SQLite uses the room again, and PostgreSQL when it has vacuumed the tables.
 */
#define STORE_DROP_BUSY 1
#define STORE_DROP_GONE 2
int store_drop(struct store *s, const struct run *run, struct error *err) must_use;

/*
 * Goes on with all that was not brought to an end, and takes away what a copy has left that was
 * killed; *ret: how many runs that were.
 */
int store_drop_rest(struct store *s, size_t *ret, struct error *err) must_use;

/* The bytes of files beside the store that a run has: log and outputs. */
int store_run_bytes(struct store *s, const char *run_id, int64_t *ret, struct error *err) must_use;

/* The bytes of SQLite's file that are free for what comes; 0 for a shared store. */
int store_free_bytes(struct store *s, int64_t *ret, struct error *err) must_use;
