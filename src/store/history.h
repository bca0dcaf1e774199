/*
 * history: what servers were found to do in earlier runs.
 *
 * A server is known by its name and its machine (a serial number or machine-id, where the agent
 * could read one). An earlier row is the same server's when
 *
 *  - it has the same name, and not another machine: a new machine under an old name begins anew;
 *  - else, when it has the same machine: a server that was renamed keeps its history. A machine
 *    that a run has twice (cloned disks share their machine-id) is no identity in that run.
 *
 * Values count that came of a measurement that ended well, whether it passed or was too low, flaky
 * ones with them: not those of benchmarks that erred or gave a wrong result, and not of servers
 * whose run was interrupted. Of servers that were run again (`resume --failed`) the last attempt
 * counts. Runs with --quick are compared with each other only, and so are simulated ones.
 */
#pragma once

#include "base/error.h"
#include "model/history.h"
#include "store/store.h"

#include <stddef.h>

/* `position`: the server's in the run. A negative value ends the walk and is returned. */
typedef int store_series_fn(void *arg, size_t position, const struct history_series *series,
                            struct error *err);

/*
 * Calls each() for every server of the run and every judged metric that has a value that counts
 * there, a few thousand servers at a time, of these one metric after the other; the series ends
 * with that value, and has at most HISTORY_RUNS. The cost is that of the values that are handed
 * over, however many runs the store has. A caller for whom series of fewer than `least` values say
 * nothing is spared them all, and their cost, while there are fewer runs.
 */
int store_series(struct store *s, const char *run_id, size_t least, store_series_fn *each,
                 void *arg, struct error *err) must_use;

/*
 * All that the store knows of a server up to its newest run, of one benchmark or, with NULL, of
 * all. It is the server that last had this name; where its machine has another one since, that is
 * the name in *ret. Free with history_done(). ERROR_USAGE when no run has judged a server of this
 * name.
 */
int store_history(struct store *s, const char *server, const char *benchmark, struct history *ret,
                  struct error *err) must_use;

/*
 * Sets *ret to what the run's pending servers are expected to take, in their order, if they run
 * these benchmarks: the median of the last HISTORY_EXPECTED earlier runs that tell. A run tells
 * when the server was reached and ran all of these benchmarks; what it ran besides is taken off.
 * Before it is measured a server's machine is that of its newest measurement under this name. The
 * caller frees *ret.
 */
#define HISTORY_EXPECTED 3
int store_expected(struct store *s, const char *run_id, const char *const *benchmarks,
                   size_t benchmark_count, struct history_expected **ret, size_t *count,
                   struct error *err) must_use;

/* What a run that is not begun yet will be, as far as its past is concerned. */
struct store_planned {
    const char *const *servers;
    size_t server_count;
    const char *const *benchmarks;
    size_t benchmark_count;
    bool quick, simulated;
};

/* As store_expected(), for such a run: fills seconds[], one a server. NAN: nothing is known. */
int store_expected_planned(struct store *s, const struct store_planned *planned, double *seconds,
                           struct error *err) must_use;

/* The names of all servers that a run has judged, as they were written, each once, ended by NULL.
 */
struct store_names {
    char **items;
    size_t count;
    size_t cap;
};

int store_server_names(struct store *s, struct store_names *ret, struct error *err) must_use;
void store_names_done(struct store_names *n);
