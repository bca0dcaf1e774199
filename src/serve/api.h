/*
 * api: the documents of the command line, by HTTP.
 *
 * Each writes its document into the answer's spool from a snapshot of the store. They fail with
 * ERROR_USAGE for what is not there.
 */
#pragma once

#include "serve/route.h"

route_fn api_health;    /* /healthz */
route_fn api_runs;      /* /api/runs */
route_fn api_run;       /* /api/runs/ID */
route_fn api_overview;  /* /api/runs/ID/overview */
route_fn api_server;    /* /api/runs/ID/servers/NAME */
route_fn api_history;   /* /api/history/NAME?benchmark= */
route_fn api_compare;   /* /api/compare?from=ID&to=ID */
route_fn api_baselines; /* /api/baselines */
route_fn api_workers;   /* /api/workers */
