/* run: `muster run`. Reads what the user gave; cli/runner does the rest. */
#include "cli/begin.h"
#include "cli/dryrun.h"

#include <stdio.h>

static const char help[] =
    "usage: muster run [OPTIONS] [SERVER...]\n\n"
    "Benchmarks the servers, all at once, and prints which did not pass, and why. What is\n"
    "interrupted goes on with `muster resume`.\n" BEGIN_SERVERS_HELP
    "      --ask-password       ask once for the password to log in with\n"
    "      --site SITE          of a store on PostgreSQL: claim servers of this site, and those\n"
    "                           of none; the rest is for other workers\n"
    "      --dry-run            print what would be run, and how long it should take; runs "
    "nothing\n" BEGIN_SIMULATE_HELP RUN_OUTPUT_HELP "\n"
    "Exit status: 0 every server passed, 1 at least one did not, 2 wrong usage and nothing was "
    "run,\n"
    "3 muster could not go on, 128+N ended by signal N.\n";

enum { RUN_DRY = RUN_OWN, RUN_SITE };

static const struct option options[] = {
    BEGIN_OPTIONS,
    {"dry-run", no_argument, NULL, RUN_DRY},
    {"site", required_argument, NULL, RUN_SITE},
    RUN_OPTIONS,
    RUN_PASSWORD_OPTION,
    RUN_OUTPUT_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct runner *r, struct beginning *b) {
    int c;
    struct error err;
    while ((c = cli_getopt(argc, argv, BEGIN_LETTERS RUN_LETTERS RUN_OUTPUT_LETTERS, options)) !=
           -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == RUN_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == RUN_DRY)
            b->dry = true;
        else if (c == RUN_SITE)
            r->site = optarg;
        else if (begin_take(r, b, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    return -1;
}

static int begin(struct runner *r, struct error *err) {
    if (runner_prepare(r, err) < 0)
        return -1;
    if (runner_open_store(r, STORE_CREATE, err) < 0 || runner_join(r, err) < 0 ||
        runner_baselines(r, err) < 0)
        return -1;
    return begin_store(r, r->plan.fanout, err);
}

static int cmd_run(int argc, char **argv) {
    struct beginning b = {0};
    struct runner r;
    struct error err;
    runner_init(&r);
    int status = read_options(argc, argv, &r, &b);
    if (status < 0 && begin_read(&r, &b, argv + optind, (size_t)(argc - optind), &err) < 0)
        status = cli_fail(&err);
    else if (status < 0 && b.dry)
        status = dryrun(&r);
    else if (status < 0)
        status = begin(&r, &err) < 0 ? runner_fail(&r, &err) : runner_go(&r);
    runner_done(&r);
    beginning_done(&b);
    return status;
}

const struct cli_command command_run = {
    .name = "run",
    .about = "benchmark servers, print the summary",
    .run = cmd_run,
    .help = help,
    .options = options,
};
