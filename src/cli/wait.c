/*
 * wait: `muster wait`. Follows a run that others work on to its end, and tells how it ended as
 * `muster run` would have. Nothing is written: whether somebody waits makes no difference to a run.
 */
#include "base/clock.h"
#include "cli/kept.h"
#include "fleet/patience.h"
#include "fleet/sites.h"
#include "live/line.h"
#include "store/crew.h"
#include "sync/log.h"

#include <stdio.h>

#define FIND (60 * CLOCK_S)  /* that a store is given to be there; it may just be starting anew */
#define MOMENT (2 * CLOCK_S) /* for a store that does not answer, after Ctrl-C */
#define POLL CLOCK_S         /* between two looks, where nobody says that something has changed */

static const char help[] =
    "usage: muster wait [OPTIONS] RUN\n\n"
    "Follows a run that others work on to its end, from anywhere, and prints the summary. RUN\n"
    "may be `last`. Ctrl-C ends the waiting; the run goes on.\n\n" RUN_OUTPUT_HELP "\n"
    "Exit status: that of `muster run`; 2 also when there is no such run, 130 after Ctrl-C.\n";

static const struct option options[] = {
    RUN_OUTPUT_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct run_output *output) {
    int c;
    struct error err;
    while ((c = cli_getopt(argc, argv, RUN_OUTPUT_LETTERS, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == RUN_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (run_output_take(output, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    if (argc - optind != 1)
        return cli_usage("`muster wait` takes one RUN, or `last`: see `muster runs`");
    return -1;
}

struct waiting {
    struct runner runner;
    struct sites sites;
    struct patience patience;
    int64_t progress; /* when the next line of the log says how far the run is */
};

/* What is there to be waited for; nothing is asked of it but names. */
static int find_run(struct waiting *w, const char *run, struct error *err) {
    struct runner *r = &w->runner;
    cleanup(store_recipe_done) struct store_recipe recipe = {0};
    if (store_open(r->output.store, STORE_READ, &r->store, err) < 0 ||
        store_run(r->store, run, &r->run, err) < 0 ||
        store_recipe(r->store, r->run.id, &recipe, &r->servers, err) < 0 ||
        store_rest(r->store, err) < 0)
        return -1;
    return 0;
}

static int find_run_patiently(struct waiting *w, const char *run, struct error *err) {
    const struct ending never = {0}; /* Ctrl-C ends the program as long as nobody heeds it */
    int64_t until = deadline_in(FIND);
    for (;;) {
        int rc = find_run(w, run, err);
        if (patience_answered(&w->patience, &never, rc, err) || clock_now() >= until)
            return rc;
        if (w->patience.tries == 1) /* the log is not open yet */
            fprintf(stderr, "muster: %s: trying again for a minute\n", err->text);
        servers_done(&w->runner.servers);
        store_close(w->runner.store);
        w->runner.store = NULL;
    }
}

/* Who presses Ctrl-C is told how far the run is, if that can be had in a moment. */
static struct ending ending_of(const struct waiting *w) {
    return (struct ending){w->runner.cancel, MOMENT};
}

static int begin(struct waiting *w, const char *run, struct error *err) {
    struct runner *r = &w->runner;
    if (cancel_new(&r->cancel, err) < 0 || find_run_patiently(w, run, err) < 0 ||
        runner_prepare_end(r, err) < 0)
        return -1;
    const struct signals_steps steps = {.fire = {r->cancel},
                                        .says = {"no longer waiting: the run goes on"}};
    if (runner_watch(r, steps, err) < 0)
        return -1;
    store_end_with(r->store, ending_of(w));
    board_start(r->progress.board, &r->run, 0);
    w->progress = deadline_in(progress_period(&r->progress));
    log_info("waiting for the run", LOG_S("run", r->run.id),
             LOG_I("servers", (int64_t)r->run.total));
    return 0;
}

static void report_progress(struct waiting *w) {
    if (clock_now() < w->progress)
        return;
    w->progress = deadline_in(progress_period(&w->runner.progress));
    line_log(w->runner.progress.board);
}

static int look(struct waiting *w, bool *ended, struct error *err) {
    struct runner *r = &w->runner;
    size_t left;
    if (store_look(r->store, &r->run, &left, err) < 0)
        return -1;
    *ended = !run_goes_on(&r->run);
    if (store_is_shared(r->store) &&
        sites_look(&w->sites, r->store, &r->run, 0, r->progress.board, err) < 0)
        return -1;
    board_totals(r->progress.board, &r->run);
    report_progress(w);
    return 0;
}

/* What has no verdict may have one later. May be called again when it failed. */
static int read_outcomes(struct runner *r, struct error *err) {
    for (size_t i = 0; i < r->servers.count; i++) {
        struct outcome *o = &r->outcomes[i];
        outcome_done(o);
        *o = (struct outcome){.server = o->server, .verdict = VERDICT_CANCELLED};
    }
    if (store_outcomes(r->store, &r->run, r->outcomes, err) < 0)
        return -1;
    for (size_t i = 0; i < r->servers.count; i++)
        if (r->outcomes[i].verdict == VERDICT_CANCELLED)
            r->outcomes[i].reason = REASON_INTERRUPTED;
    return 0;
}

/* It was there when it was begun with. */
static int say_gone(const struct runner *r, struct error *err) {
    return error_set(err, ERROR_USAGE, "the run %s is gone from the store: somebody has dropped it",
                     r->run.id);
}

static int follow(struct waiting *w, struct error *err) {
    struct runner *r = &w->runner;
    const struct ending ending = ending_of(w);
    bool ended = false;
    int rc;
    while (!ended && !cancel_fired(r->cancel)) {
        rc = look(w, &ended, err);
        if (!patience_answered(&w->patience, &ending, rc, err))
            continue;
        if (rc < 0)
            return err->kind == ERROR_USAGE ? say_gone(r, err) : -1;
        if (!ended)
            store_await(r->store, r->cancel, deadline_in(POLL));
    }
    log_footer(FOOTER_HIDE);
    log_flush(DEADLINE_NEVER);
    do
        rc = read_outcomes(r, err);
    while (!patience_answered(&w->patience, &ending, rc, err));
    return rc;
}

static int wait_for(struct waiting *w, const char *run) {
    struct error err;
    if (begin(w, run, &err) < 0)
        return runner_fail(&w->runner, &err);
    bool ok = follow(w, &err) == 0 && runner_compose(&w->runner, &err) == 0;
    struct error closing;
    signals_hear_out(w->runner.signals);
    bool logged = log_close(&closing) == 0;
    if (!logged)
        cli_fail(&closing);
    return ok ? runner_tell(&w->runner, logged) : runner_fail(&w->runner, &err);
}

static int cmd_wait(int argc, char **argv) {
    struct waiting w = {0};
    runner_init(&w.runner);
    int status = read_options(argc, argv, &w.runner.output);
    if (status < 0)
        status = wait_for(&w, argv[optind]);
    runner_done(&w.runner);
    sites_done(&w.sites);
    return status;
}

const struct cli_command command_wait = {
    .name = "wait",
    .about = "follow a run that others work on to its end",
    .run = cmd_wait,
    .help = help,
    .options = options,
};
