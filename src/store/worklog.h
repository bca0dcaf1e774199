/*
 * worklog: a worker's log of a run of a shared store. It is written into a file on the worker's own
 * machine (store/logfile.h), which waits for nobody, and goes from there into the store, where it
 * is read with the other workers' (store/logread.h).
 *
 * How far the file has come in, is in the store, changed in the transaction that writes its lines:
 * each is there once, whatever became of the answer. The file goes when all of it is in the store.
 * What a worker leaves behind that was killed, or could not reach the store any more, goes in with
 * the next of the same user on that machine. What is on a machine that never comes back, the last
 * second or so, is lost.
 *
 * Where the store cannot be reached, functions fail as those of store/crew.h do, and may be called
 * again.
 */
#pragma once

#include "store/loglines.h"
#include "store/store.h"

struct worklog;

/* Begins this worker's log of the run, which is in the store. */
int worklog_begin(struct store *s, const char *run_id, struct worklog **ret,
                  struct error *err) must_use;

/* Where its lines are to be written. */
const char *worklog_path(const struct worklog *w);

/*
 * Writes what is new in the file into the store: some thousand lines at most, and none while
 * another worker is at it. Costs nothing when there is nothing new.
 */
int worklog_carry(struct store *s, struct worklog *w, struct error *err) must_use;

/* Writes all the rest, and takes the file away. Nothing is written into it any more. */
int worklog_end(struct store *s, struct worklog *w, struct error *err) must_use;

/* What was not carried stays in the file. NULL is allowed. */
void worklog_free(struct worklog *w);

/* Writes what other workers have left behind on this machine into the store; nothing, where the
 * store is not shared. */
int worklog_adopt(struct store *s, struct error *err) must_use;

/*
 * For the store's own files, in a transaction that writes: the row of a file of lines, of the run
 * of this number, whose name no other file has; *ret is 0 where there is no such run. `worker` may
 * be NULL. And lines of it, behind those that the log has, while nobody else writes to it.
 */
int worklog_add_file(struct store *s, int64_t run, const char *name, const char *worker,
                     int64_t *ret, struct error *err) must_use;
int worklog_add_lines(struct store *s, int64_t run, int64_t file, const struct loglines *lines,
                      struct error *err) must_use;
