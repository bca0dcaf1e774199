/*
 * runner: one sitting of a run, from what it needs to its exit status. `run` begins a run with it,
 * `resume` goes on with one.
 *
 * In this order: the caller fills options, output, config and servers; runner_prepare(); the caller
 * opens the store; runner_baselines(); it begins or resumes the run there; runner_go();
 * runner_done().
 */
#pragma once

#include "cli/progress.h"
#include "cli/runoptions.h"
#include "model/run.h"
#include "store/store.h"

struct runner {
    /* filled by the caller, owned by the runner */
    struct run_options options;
    struct run_output output;
    struct config config;
    struct servers servers;
    struct store *store;
    struct run run;
    bool resumed; /* an earlier sitting began it */
    bool dry;     /* nothing is asked on the terminal */

    /* the runner's own */
    struct plan plan;           /* its fan-out is what there is room for */
    struct baselines baselines; /* as they were when the sitting began */
    char *password;
    int failed_to, passed_to;
    struct cancel *cancel;
    struct signals *signals;
    struct progress progress;
    struct transport *transport;
    bool log_open;
    struct outcome *outcomes; /* of every server; none has a verdict until it is given one */
};

/* Nothing given. */
void runner_init(struct runner *r);
void runner_done(struct runner *r);

/*
 * Finds everything else that is the user's to get right; nothing is run or written yet. What is
 * asked on the terminal is asked here, and the log is open when it returns.
 */
int runner_prepare(struct runner *r, struct error *err) must_use;

/*
 * As much of it as tells what would be done: the plan, its fan-out what there is room for. `asked`
 * is the one that was asked for. Nothing is asked, begun or written.
 */
int runner_plan(struct runner *r, int *asked, struct error *err) must_use;

/* As much of it as runner_tell() needs. */
int runner_prepare_end(struct runner *r, struct error *err) must_use;

/* Says what went wrong before a server was touched, after the log's lines. The exit status. */
int runner_fail(struct runner *r, const struct error *err);

/* Reads the baselines of r->store, for the plan: before there is a run that would lack them. */
int runner_baselines(struct runner *r, struct error *err) must_use;

/*
 * Runs what is pending of r->run, which r->store holds, and tells how all of it ended. Returns the
 * exit status.
 */
int runner_go(struct runner *r);

/*
 * Lets go of the run and tells how it ended: the lists, then standard output. `ok`: nothing has
 * gone wrong so far. Returns the exit status.
 */
int runner_tell(struct runner *r, bool ok);
