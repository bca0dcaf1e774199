/*
 * resume: `muster resume`.
 *
 * A run goes on as it began: the options, the text of the configuration, the servers and the folder
 * that relative paths start from are those that were kept with it, whatever has changed on disk
 * since. The run is held first, so that nobody is asked for a password in vain; it is changed last,
 * when nothing is left that could be wrong.
 */
#include "cli/runner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* The paths that the user gave are relative to where muster was started now. */
static int make_absolute(const char **path, char **owned, struct error *err) {
    if (!*path || **path == '/')
        return 0;
    cleanup(free_ptr) char *here = getcwd(NULL, 0);
    if (!here)
        return error_os(err, ERROR_USAGE, errno, "where %s is cannot be found out", *path);
    if (asprintf(owned, "%s/%s", here, *path) < 0) {
        *owned = NULL;
        return error_memory(err);
    }
    *path = *owned;
    return 0;
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

/* Goes to the folder in which the run was begun, if it is still there. */
static int enter_folder(struct resuming *r, struct error *err) {
    struct run_output *o = &r->runner.output;
    if (make_absolute(&o->log_file, &r->paths[0], err) < 0 ||
        make_absolute(&o->failed_to, &r->paths[1], err) < 0 ||
        make_absolute(&o->passed_to, &r->paths[2], err) < 0)
        return -1;
    if (r->recipe.folder && chdir(r->recipe.folder) < 0 && errno != ENOENT)
        return error_os(err, ERROR_USAGE, errno, "cannot go to %s, where the run was begun",
                        r->recipe.folder);
    return 0;
}

static int hold(struct resuming *r, const char *run, struct error *err) {
    struct runner *runner = &r->runner;
    if (store_open(runner->output.store, STORE_CHANGE, &runner->store, err) < 0 ||
        store_hold(runner->store, run, &runner->run, err) < 0 ||
        store_recipe(runner->store, runner->run.id, &r->recipe, &runner->servers, err) < 0)
        return -1;
    if (!r->recipe.options)
        return error_set(err, ERROR_USAGE,
                         "the run %s was begun by a muster that did not keep what is needed to go "
                         "on with it: begin a new one with `muster run`",
                         runner->run.id);
    return 0;
}

static int prepare(struct resuming *r, const struct told *told, struct error *err) {
    struct runner *runner = &r->runner;
    const struct store_recipe *recipe = &r->recipe;
    if (enter_folder(r, err) < 0)
        return -1;
    if (recipe->config && cli_config_kept(recipe->config_path, recipe->config, recipe->config_len,
                                          &runner->config, err) < 0)
        return -1;
    if (told->outliers)
        runner->options.plan.outliers = told->outliers;
    runner->options.plan.longest_first |= told->longest_first;
    return runner_prepare(runner, err);
}

static int resume(struct resuming *r, bool failed, struct error *err) {
    struct runner *runner = &r->runner;
    if (runner_baselines(runner, err) < 0 ||
        store_resume(runner->store, &runner->run, failed, err) < 0 ||
        store_outcomes(runner->store, &runner->run, runner->outcomes, err) < 0)
        return -1;
    for (size_t i = 0; i < runner->servers.count; i++)
        runner->servers.items[i].round = (int)runner->outcomes[i].earlier;
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
    return runner_tell(r, true);
}

static int go_on(struct resuming *r, const char *run, const struct told *told) {
    struct error err;
    if (hold(r, run, &err) < 0)
        return cli_fail(&err);
    if (nothing_left(&r->runner.run, told))
        return tell_again(&r->runner);
    int status = run_options_read(&r->runner.options, r->recipe.options);
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
