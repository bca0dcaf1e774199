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

#define SENSORS_EVERY (500 * CLOCK_MS)

/* A benchmark begins: what was seen before is forgotten. */
void sensors_begin(void);

/* Looks. */
void sensors_sample(void);

/*
 * Appends what was seen since the benchmark began, all its trials, to an answer:
 * `,"conditions":TEXT,"sensors":{...}`. The text holds what matters for the result in plain words,
 * "throttled: 89 C, 1.2 of 3.4 GHz; stolen 14 %", after the benchmark's own `notes` (NULL: none);
 * it is left out when there is nothing to say.
 */
void sensors_add(struct str *out, const char *notes);

/*
 * Waits until the machine is idle, `most` ns at most; whether it still was busy then is one of the
 * conditions of the next benchmark. Returns false when the session has ended.
 */
bool sensors_settle(struct io *io, int64_t most);
