/*
 * backoff: how long a server is left alone before it is tried again.
 *
 * Exponential, with jitter: between half a limit and all of it, and the limit doubles with every
 * attempt. Servers that were lost together, with their switch or their jump host, come back one by
 * one; half of the pause is certain, because where there are few attempts they must not all fall
 * into the same bad second. Chance is a hash of the run, the server and the attempt. Pure.
 */
#pragma once

#include <stdint.h>

#define BACKOFF_FIRST (INT64_C(2) * 1000000000) /* ns; the limit after the first attempt */
#define BACKOFF_LONGEST (INT64_C(30) * 1000000000)

/* The pause after this attempt (the first is 1), in ns, none of them above `longest`. */
int64_t backoff_pause(const char *run, const char *server, int attempt, int64_t longest);
