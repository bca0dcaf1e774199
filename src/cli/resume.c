/*
 * resume: `muster resume`.
 *
 * The run is held first, so that nobody is asked for a password in vain; it is changed last, when
 * nothing is left that could be wrong.
 */
#include "cli/kept.h"

#include <stdio.h>

static const char help[] =
    "usage: muster resume [OPTIONS] RUN\n\n"
    "Goes on with a run that was interrupted: runs what has no final verdict, with the options "
    "and\n"
    "the configuration that the run began with, and prints the summary of all of it. RUN may be\n"
    "`last`. See `muster runs` for those that were interrupted.\n\n"
    "      --failed             run what did not pass again, too; the earlier attempts are "
    "kept\n"
    "      --longest-first      begin with servers that took long in earlier runs of the store\n"
    "      --outliers WHAT      what becomes of servers worse than their peers: fail, warn or "
    "off;\n"
    "                           judges the run anew, also when nothing is left to "
    "run\n" RUN_OUTPUT_HELP "\n"
    "Exit status: that of `muster run`; 2 also when there is no such run, or another process is\n"
    "working on it.\n";

enum { FAILED = RUN_OWN };

/* What a resume is told of its own. */
struct told {
    bool failed;
    enum outliers outliers; /* not given: as the run began */
    bool longest_first;     /* the same */
};

static const struct option options[] = {
    {"failed", no_argument, NULL, FAILED},
    {"longest-first", no_argument, NULL, RUN_LONGEST_FIRST},
    {"outliers", required_argument, NULL, RUN_OUTLIERS},
    RUN_OUTPUT_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct run_output *output, struct told *told) {
    int c;
    struct error err;
    while ((c = cli_getopt(argc, argv, RUN_OUTPUT_LETTERS, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == RUN_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == FAILED)
            told->failed = true;
        else if (c == RUN_LONGEST_FIRST)
            told->longest_first = true;
        else if (c == RUN_OUTLIERS) {
            if (run_outliers_take(&told->outliers, optarg, &err) < 0)
                return cli_fail(&err);
        } else if (run_output_take(output, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    if (argc - optind != 1)
        return cli_usage("`muster resume` takes one RUN, or `last`: see `muster runs`");
    return -1;
}

struct resuming {
    struct runner runner;
    struct store_recipe recipe;
    char *paths[3]; /* of the files that are written */
};

static void resuming_done(struct resuming *r) {
    runner_done(&r->runner);
    store_recipe_done(&r->recipe);
    for (size_t i = 0; i < ARRAY_LEN(r->paths); i++)
        free(r->paths[i]);
}

/* The run has a folder of its own for relative paths; those that are given now are not its. */
static int keep_paths(struct resuming *r, struct error *err) {
    struct run_output *o = &r->runner.output;
    if (kept_absolute(&o->log_file, &r->paths[0], err) < 0 ||
        kept_absolute(&o->failed_to, &r->paths[1], err) < 0 ||
        kept_absolute(&o->passed_to, &r->paths[2], err) < 0)
        return -1;
    return 0;
}

static int prepare(struct resuming *r, const struct told *told, struct error *err) {
    struct runner *runner = &r->runner;
    if (keep_paths(r, err) < 0 || kept_config(runner, &r->recipe, err) < 0)
        return -1;
    if (told->outliers)
        runner->options.plan.outliers = told->outliers;
    runner->options.plan.longest_first |= told->longest_first;
    return runner_prepare(runner, err);
}

static int resume(struct resuming *r, bool failed, struct error *err) {
    struct runner *runner = &r->runner;
    if (runner_join(runner, err) < 0 || runner_baselines(runner, err) < 0 ||
        store_resume(runner->store, &runner->run, failed, err) < 0 ||
        store_outcomes(runner->store, &runner->run, runner->outcomes, err) < 0)
        return -1;
    runner->resumed = true;
    return 0;
}

/* A run whose process died after its last result has yet to be judged. */
static bool nothing_left(const struct run *run, const struct told *told) {
    return run->judged && !told->outliers && run->cancelled == 0 &&
           !(told->failed && run->passed < run->total);
}

static int tell_again(struct runner *r) {
    struct error err;
    if (runner_prepare_end(r, &err) < 0 || store_outcomes(r->store, &r->run, r->outcomes, &err) < 0)
        return cli_fail(&err);
    runner_let_go(r);
    return runner_tell(r, true);
}

static int go_on(struct resuming *r, const char *run, const struct told *told) {
    struct error err;
    struct store **store = &r->runner.store;
    if (store_open(r->runner.output.store, STORE_CHANGE, store, &err) < 0 ||
        kept_hold(&r->runner, run, &r->recipe, &err) < 0)
        return cli_fail(&err);
    if (nothing_left(&r->runner.run, told))
        return tell_again(&r->runner);
    int status = kept_options(&r->runner, &r->recipe);
    if (status >= 0)
        return status;
    return prepare(r, told, &err) < 0 || resume(r, told->failed, &err) < 0
               ? runner_fail(&r->runner, &err)
               : runner_go(&r->runner);
}

static int cmd_resume(int argc, char **argv) {
    struct resuming r = {0};
    struct told told = {0};
    runner_init(&r.runner);
    int status = read_options(argc, argv, &r.runner.output, &told);
    if (status < 0)
        status = go_on(&r, argv[optind], &told);
    resuming_done(&r);
    return status;
}

const struct cli_command command_resume = {
    .name = "resume",
    .about = "go on with an interrupted run",
    .run = cmd_resume,
    .help = help,
    .options = options,
};
