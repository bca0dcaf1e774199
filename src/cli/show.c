/* show: `muster show`. */
#include "cli/cli.h"
#include "cli/output.h"
#include "policy/finding.h"
#include "report/detail.h"
#include "report/document.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "usage: muster show [OPTIONS] RUN\n\n"
                           "Prints the summary of a run, as at its end, or as far as it has come.\n"
                           "RUN may be `last`.\n\n"
                           "      --server NAME  all that is known of one server instead: its\n"
                           "                     benchmarks, their conditions, and its facts\n"
                           "      --store URL    where runs are kept\n"
                           "      --json         print one JSON document instead\n"
                           "      --help         this text\n";

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {"server", required_argument, NULL, CLI_SERVER},
    {NULL, 0, NULL, 0},
};

struct outcomes {
    struct outcome *items;
    char **names; /* owned: an outcome borrows its server's */
    size_t count;
    size_t room;
};

static void outcomes_done(struct outcomes *o) {
    for (size_t i = 0; i < o->count; i++) {
        outcome_done(&o->items[i]);
        free(o->names[i]);
    }
    free(o->items);
    free(o->names);
}

static int add(void *arg, const char *server, const struct server_result *result,
               struct error *err) {
    struct outcomes *o = arg;
    if (o->count == o->room)
        return error_set(err, ERROR_STORE, "the run has more servers than it began with");
    char *name = strdup(server);
    if (!name || finding_outcome(name, result, &o->items[o->count], err) < 0) {
        free(name);
        return name ? -1 : error_memory(err);
    }
    o->names[o->count++] = name;
    return 0;
}

static int show(struct store *store, const char *id, bool json, struct error *err) {
    struct run run;
    if (store_run(store, id, &run, err) < 0)
        return -1;
    cleanup(outcomes_done) struct outcomes all = {.room = run.total};
    all.items = calloc(run.total + 1, sizeof(*all.items));
    all.names = calloc(run.total + 1, sizeof(*all.names));
    if (!all.items || !all.names)
        return error_memory(err);
    if (store_each(store, run.id, add, &all, err) < 0)
        return -1;
    run.total = all.count;
    return json ? output_document(stdout, store, &run, all.items, err)
                : output_summary(stdout, store, &run, all.items, err);
}

struct wanted {
    const char *server;
    bool json;
    bool found;
};

static int show_wanted(void *arg, const char *server, const struct server_result *result,
                       struct error *err) {
    struct wanted *w = arg;
    if (w->found || strcmp(server, w->server) != 0)
        return 0;
    w->found = true;
    if (w->json) {
        int rc = document_add(stdout, true, server, result, err);
        putchar('\n');
        return rc;
    }
    cleanup(str_done) struct str text = {0};
    detail_add(&text, server, result);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

static int show_server(struct store *store, const char *id, const char *server, bool json,
                       struct error *err) {
    struct run run;
    struct wanted wanted = {.server = server, .json = json};
    if (store_run(store, id, &run, err) < 0 ||
        store_each(store, run.id, show_wanted, &wanted, err) < 0)
        return -1;
    if (!wanted.found)
        return error_set(err, ERROR_USAGE, "the run %s has no server '%.100s'", run.id, server);
    return 0;
}

static int cmd_show(int argc, char **argv) {
    struct cli_store from;
    int status = cli_store_options(argc, argv, options, help, &from);
    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return cli_usage("`muster show` takes one RUN, or `last`: see `muster runs`");
    struct store *store;
    struct error err;
    if (store_open(from.url, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    int rc = from.server ? show_server(store, argv[optind], from.server, from.json, &err)
                         : show(store, argv[optind], from.json, &err);
    store_close(store);
    return rc < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command command_show = {
    .name = "show",
    .about = "a run's summary, as at its end",
    .run = cmd_show,
    .help = help,
    .options = options,
};
