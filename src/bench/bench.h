/*
 * bench: the per-server main function. One server, from connecting to its verdict.
 *
 * It knows no other server, no pool and no store. It blocks, and it ends by the deadline
 * or soon after the run's cancel token fires. While it runs, `server` and `benchmark` are bound to
 * the thread's log context.
 */
#pragma once

#include "live/board.h"
#include "model/result.h"
#include "model/server.h"
#include "policy/plan.h"
#include "transport/transport.h"

struct bench {
    const struct plan *plan;
    const char *agent_command; /* starts the agent: bench/bootstrap.h */
    struct transport *transport;
    const char *outputs; /* a folder for long outputs (bench/outfile.h), or NULL */
    struct board *board; /* told where the server is; NULL: nobody looks */
};

/*
 * Benchmarks the server by the deadline, which is the server's own. What goes wrong is the server's
 * reason, in *ret; only for want of memory does it fail, with ERROR_INTERNAL and nothing in *ret.
 */
int bench_server(const struct bench *b, const struct server *server, int64_t deadline,
                 struct server_result *ret, struct error *err) must_use;
