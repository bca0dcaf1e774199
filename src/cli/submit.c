/*
 * submit: `muster submit`. A run is begun, and nothing of it is run here: that is for the workers
 * of the store.
 */
#include "cli/begin.h"

#include "report/document.h"

#include <stdio.h>

static const char help[] =
    "usage: muster submit [OPTIONS] [SERVER...]\n\n"
    "Puts a run into a store on PostgreSQL, where every `muster worker` takes its share of it,\n"
    "and prints its id. `muster wait` follows it. Nothing is run here.\n" BEGIN_SERVERS_HELP
        BEGIN_SIMULATE_HELP
    "      --store URL          where the run is to be kept: postgresql://...\n"
    "      --json               print one JSON object instead of the id\n"
    "      --help               this text\n\n"
    "Exit status: 0 the run is in the store, 2 wrong usage, 3 muster could not go on.\n";

static const struct option options[] = {
    BEGIN_OPTIONS,
    RUN_OPTIONS,
    {"store", required_argument, NULL, RUN_STORE},
    {"json", no_argument, NULL, RUN_JSON},
    {"help", no_argument, NULL, RUN_HELP},
    {NULL, 0, NULL, 0},
};

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct runner *r, struct beginning *b) {
    int c;
    struct error err;
    while ((c = cli_getopt(argc, argv, BEGIN_LETTERS RUN_LETTERS, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == RUN_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (begin_take(r, b, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    return -1;
}

static int print(const struct runner *r, struct error *err) {
    if (r->output.json)
        return document_run(stdout, &r->run, err);
    puts(r->run.id);
    return 0;
}

/* Every mistake of the user's is found before anything is written. */
static int submit(struct runner *r, struct beginning *b, char **patterns, size_t count,
                  struct error *err) {
    int asked;
    if (cli_shared_store(r->output.store, err) < 0 || begin_read(r, b, patterns, count, err) < 0 ||
        runner_plan(r, &asked, err) < 0 ||
        store_open(r->output.store, STORE_CREATE, &r->store, err) < 0 ||
        runner_baselines(r, err) < 0 || begin_store(r, asked, err) < 0)
        return -1;
    return print(r, err);
}

static int cmd_submit(int argc, char **argv) {
    struct beginning b = {0};
    struct runner r;
    struct error err;
    runner_init(&r);
    int status = read_options(argc, argv, &r, &b);
    if (status < 0)
        status = submit(&r, &b, argv + optind, (size_t)(argc - optind), &err) < 0 ? cli_fail(&err)
                                                                                  : cli_flush();
    runner_done(&r);
    beginning_done(&b);
    return status;
}

const struct cli_command command_submit = {
    .name = "submit",
    .about = "put a run into the store, for workers",
    .run = cmd_submit,
    .help = help,
    .options = options,
};
