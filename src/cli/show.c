/* show: `muster show`. */
#include "cli/cli.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "usage: muster show [OPTIONS] RUN\n\n"
                           "Prints the summary of a run, as at its end. RUN may be `last`.\n\n"
                           "      --store URL  where runs are kept\n"
                           "      --json       print one JSON document instead\n"
                           "      --help       this text\n";

static const struct option options[] = {
    CLI_STORE_OPTIONS,
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
        free(o->items[i].detail);
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
    char *detail = result->detail ? strdup(result->detail) : NULL;
    if (!name || (result->detail && !detail)) {
        free(name);
        free(detail);
        return error_memory(err);
    }
    o->names[o->count] = name;
    o->items[o->count++] = (struct outcome){name, result->verdict, result->reason, detail};
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
    return json ? output_document(store, &run, all.items, err)
                : output_summary(&run, all.items, err);
}

int cmd_show(int argc, char **argv) {
    struct cli_store from;
    int status = cli_store_options(argc, argv, options, help, &from);
    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return cli_usage("`muster show` takes one RUN, or `last`: see `muster runs`");
    struct store *store;
    struct error err;
    if (store_open(from.url, false, &store, &err) < 0)
        return cli_fail(&err);
    int rc = show(store, argv[optind], from.json, &err);
    store_close(store);
    return rc < 0 ? cli_fail(&err) : cli_flush();
}
