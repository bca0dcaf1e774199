/*
 * runner: one sitting of a run, from what it needs to its exit status. `run` begins a run with it,
 * `resume` goes on with one, `worker` does a share of several, `wait` tells how one
 * ended.
 *
 * In this order: the caller fills options, output, config and servers; runner_prepare(); the caller
 * opens the store; runner_baselines(); it begins or resumes the run there; runner_go();
 * runner_done(). A worker, which has its own signals, log and store, has runner_prepare_share() and
 * runner_execute() instead.
 */
#pragma once

#include "base/spool.h"
#include "cli/progress.h"
#include "cli/runoptions.h"
#include "cli/signals.h"
#include "fleet/fleet.h"
#include "model/run.h"
#include "store/store.h"
#include "store/worklog.h"

struct runner {
    /* filled by the caller, owned by the runner */
    struct run_options options;
    struct run_output output;
    struct config config;
    struct servers servers;
    struct store *store;
    struct run run;
    const char *site; /* that this process is for, of a shared store; NULL: any */
    bool resumed;     /* an earlier sitting began it */
    bool unattended;  /* nothing is asked on the terminal */
    enum fleet_until until;
    const struct cancel *drain; /* as struct fleet has them */
    struct pulse *pulse;
    struct slots_part *slots;
    int64_t grace;
    int64_t moment; /* that a shared store still has when the token is fired: struct ending */

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
    struct worklog *worklog;  /* of a shared store: this process's own log of the run */
    struct outcome *outcomes; /* of every server; none has a verdict until it is given one. NULL for
                                 a share, which has no list of the servers, either */
    bool composed;            /* what is to be printed is there: */
    struct spool told;
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

/*
 * As much of it as a worker needs for its share: with this fan-out, or 0 for the run's, as far as
 * there is room. Nothing is asked; a run that has to ask for a password is ERROR_USAGE.
 */
int runner_prepare_share(struct runner *r, int fanout, struct error *err) must_use;

/* Signals, the display and the log, for as long as the runner is there. */
int runner_watch(struct runner *r, struct signals_steps steps, struct error *err) must_use;

/* As much of it as runner_tell() needs. */
int runner_prepare_end(struct runner *r, struct error *err) must_use;

/* Says what went wrong before a server was touched, after the log's lines. The exit status. */
int runner_fail(struct runner *r, const struct error *err);

/* Opens the store for a new run; Ctrl-C ends the waits for it, now and later. */
int runner_open_store(struct runner *r, enum store_mode mode, struct error *err) must_use;

/* Joins the crew of r->store, where that is shared, before it begins or goes on with the run. */
int runner_join(struct runner *r, struct error *err) must_use;

/* Reads the baselines of r->store, for the plan: before there is a run that would lack them. */
int runner_baselines(struct runner *r, struct error *err) must_use;

/* Begins the run's own log, before runner_execute(). */
int runner_open_log(struct runner *r, struct error *err) must_use;

/* Takes what workers that died on this machine have said into a shared store. */
void runner_adopt_logs(struct store *s);

/*
 * Runs what is pending of r->run, which r->store holds, and fills r->outcomes. The run's own log
 * ends with it.
 */
int runner_execute(struct runner *r, struct error *err) must_use;

/*
 * As runner_execute(), lets go of the run, and tells how all of it ended. Returns the exit status.
 */
int runner_go(struct runner *r);

/* Lets go of the run, of which nothing is left to do here. */
void runner_let_go(struct runner *r);

/*
 * Of a run of a shared store: reads all that runner_tell() prints. A store that is away is waited
 * for, while the log is open that says so.
 */
int runner_compose(struct runner *r, struct error *err) must_use;

/*
 * Tells how the run ended, or how far it is: the lists, then standard output. `ok`: nothing has
 * gone wrong so far. Returns the exit status.
 */
int runner_tell(struct runner *r, bool ok);
