/*
 * logread: a run's own log, as it is kept: JSON lines (sync/log.h).
 *
 * With SQLite it is a file beside the database, logs/RUN.jsonl, that whoever works on the run
 * writes into. In a shared store it is a table that each worker brings its lines into
 * (store/worklog.h), about once a second; each line has the field `worker` there, HOST:PID of who
 * said it.
 *
 * Threads: that of the store.
 */
#pragma once

#include "store/store.h"
#include "sync/field.h"

#include <stdio.h>
#include <sys/types.h>

/* What need not be read. A file is read whole, from `after` on: who reads it passes over the rest.
 */
struct store_log_wanted {
    const char *server;   /* of this server alone, or NULL */
    enum log_level least; /* no lines below it */
    /* In the order in which lines came, from this place on, which an earlier reading ended at; else
     * all of them, in the order of time. */
    bool follow;
    int64_t after;
};

struct store_log;

/*
 * Fails with ERROR_USAGE and err->os when there is no such file. The store is not changed
 * meanwhile, and what is read of it is of one moment, as STORE_READ has it. `w->server` is
 * borrowed.
 */
int store_log_open(struct store *s, const char *run_id, const struct store_log_wanted *w,
                   struct store_log **ret, struct error *err) must_use;

/*
 * The next line, with its line end if it has one yet, borrowed until the next call or the log is
 * closed. Returns its length, 0 at the end, or -1. *place is where to go on after the line; at the
 * end, where to go on for those to come.
 */
ssize_t store_log_next(struct store_log *l, const char **line, int64_t *place,
                       struct error *err) must_use;

/* NULL is allowed. */
void store_log_close(struct store_log *l);

/*
 * All of the log as a stream, in the order of time, which can be read here and there. The caller
 * closes it. NULL when there is no such file.
 */
int store_log_stream(struct store *s, const char *run_id, FILE **ret, struct error *err) must_use;
