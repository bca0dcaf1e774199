/*
 * snapshot: the store as it is at one moment, for one request.
 *
 * A store belongs to one thread, so every request opens it for itself. That costs it a fraction of
 * a millisecond, and leaves nothing to lock.
 */
#pragma once

#include "report/report.h"
#include "serve/answer.h"
#include "store/store.h"

/* With the status of the refusal when the store cannot be opened; *ret is NULL then. */
int snapshot_open(const struct request *q, struct answer *a, struct store **ret,
                  struct error *err) must_use;

/* For cleanup(). */
void snapshot_close(struct store **s);

/* For what takes long, at each step: fails when the program is to end. */
int snapshot_go_on(const struct request *q, struct error *err) must_use;

/* Writes the run as a report in this format. */
int snapshot_write(const struct request *q, struct store *store, const struct run *run,
                   report_fn *format, FILE *out, struct error *err) must_use;
