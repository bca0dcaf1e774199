/*
 * entries: what the log says of a run's servers: each as it ends, and lists of them at the run's
 * start and end. Programs read these entries; their events and keys are a contract.
 */
#pragma once

#include "model/result.h"
#include "model/run.h"

/* A server's verdict is on disk. */
void entries_server(const char *name, const struct server_result *r);

/* Of a share that ends, no more than that others may claim the server. */
void entries_returned(const char *name);

/* Nobody's result: another worker has the server. */
void entries_refused(const char *name, const struct server_result *r);

/* Which servers are to be benchmarked: those of run->total that have no verdict. */
void entries_begin(const struct run *run, const struct outcome *outcomes);

/* What the run has come to, and which servers failed. */
void entries_end(const struct run *run, const struct outcome *outcomes);

/* What this worker has done of the run; what the others have is told by who waits for its end. */
void entries_share(const struct run *run);

/* Agents of `left` servers go on for `linger` ns without muster. */
void entries_lingering(const struct run *run, size_t left, int64_t linger);
