/*
 * logs: a run's own log, a piece at a time.
 *
 *     GET /api/runs/ID/log?server=NAME&level=LEVEL&after=PLACE
 *
 * The answer has the lines of `muster log --json` that are of this server, where one is named, and
 * of this level or above; from PLACE on, which is what an earlier answer said in its header
 * Muster-After. It is no longer than LOGS_PRINT and a line; Muster-More: 1 says that there is more
 * at once. So whoever asks again and again follows a log that grows.
 */
#pragma once

#include "serve/route.h"

#define LOGS_PRINT (1024 * 1024)     /* bytes of an answer */
#define LOGS_READ (32 * 1024 * 1024) /* bytes of the log that are looked at for it */

route_fn logs_lines; /* /api/runs/ID/log */
