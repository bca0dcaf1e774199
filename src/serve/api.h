/*
 * api: the documents of the command line, by HTTP.
 *
 * Each writes its document into the answer's spool from a snapshot of the store. They fail with
 * ERROR_USAGE for what is not there, and leave the answer's status for the route to set, but where
 * a parameter is wrong or the store cannot be opened.
 */
#pragma once

#include "serve/route.h"

route_fn api_runs;   /* /api/runs */
route_fn api_run;    /* /api/runs/ID */
route_fn api_health; /* /healthz */
