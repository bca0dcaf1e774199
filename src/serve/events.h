/*
 * events: a run in progress as server-sent events (the browser's EventSource).
 *
 *     GET /api/runs/ID/events
 *
 *     event: servers    data: rows of the overview (report/overview.h) that have changed
 *     event: progress   data: {"total", "passed", "failed", "errors", "cancelled", "running",
 *                              "waiting", "seconds", "state"}; its id is where to go on
 *     event: end        data: {"state"}; the stream is over
 *
 * A stream begins with all servers that are done, so that nothing is missed between an overview and
 * its begin. One that is asked for with the Last-Event-ID of an earlier one begins with what has
 * changed since. A comment comes every
 * EVENTS_HEARTBEAT seconds in which there is nothing to tell. A run that is over answers such a
 * request with 204, which ends the asking.
 */
#pragma once

#include "serve/route.h"

#define EVENTS_HEARTBEAT 15
#define EVENTS_ROWS 500 /* in one event, at most */

route_fn events_stream;
