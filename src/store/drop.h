/*
 * drop: rows of a run that is not there: of one that was dropped, or is being copied and not whole
 * yet. A row of the table `dropped` has their number meanwhile. For the store's own files;
 * store/upkeep.h has what drops a run.
 */
#pragma once

#include "base/error.h"
#include "store/store.h"

#include <stdint.h>

/* Before the id of a run that is being copied, in `dropped`. It has no files that could go. */
#define DROP_COPY "copy "

/* Deletes them, and the row in `dropped`, which has that id, in short transactions; not within one.
 */
int drop_rows(struct store *s, int64_t run, const char *id, struct error *err) must_use;

/*
 * Between two transactions of many, of which the one began at `since`: waits as long as that took.
 * One who waits for SQLite's lock looks for it now and again, and would hardly ever find it free.
 */
void drop_let_others_write(const struct store *s, int64_t since);
