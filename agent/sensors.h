/*
 * sensors: under what conditions a benchmark was measured.
 *
 * Read when a trial begins, about twice a second while it runs and when it ends, in the agent's own
 * process, at less than a thousandth of a core. What this machine does not have, or does not let us
 * read, is left out.
 */
#pragma once

#include "base/str.h"
#include "io.h"

#include <stdint.h>
#include <sys/types.h>

#define SENSORS_EVERY (500 * CLOCK_MS)

/* A benchmark begins, in the process `leader`: what was seen before is forgotten. */
void sensors_begin(pid_t leader);

/* Looks. */
void sensors_sample(void);

/*
 * Appends what was seen since the benchmark began, all its trials, to an answer:
 * `,"conditions":TEXT,"sensors":{...}`. The text holds what matters for the result in plain words,
 * "throttled: 89 C, 1.2 of 3.4 GHz; stolen 14 %" (conditions.h), after the benchmark's own `notes`
 * (NULL: none); it is left out when there is nothing to say.
 */
void sensors_add(struct str *out, const char *notes);

/* The benchmark is over: nothing is kept open. */
void sensors_end(void);

/*
 * Waits until other processes leave the allowed CPUs alone, `most` ns at most (below 100 ms: it
 * does not even look); whether they still did not is one of the conditions of the next benchmark.
 * Does not wait when another agent of the same run measures on this machine: how many do that at
 * once is for the run to decide. Returns false when the session has ended.
 */
bool sensors_settle(struct io *io, int64_t most);
