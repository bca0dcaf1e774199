/* history: `muster history`. */
#include "cli/cli.h"

#include "base/str.h"
#include "report/history.h"
#include "store/history.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: muster history [OPTIONS] SERVER\n\n"
    "Prints what a server was found to do over all runs in the store: a spark\n"
    "line for each benchmark, its runs, and whether it is slower than itself\n"
    "of late. A server that was renamed keeps its history: any of its names\n"
    "will do.\n\n"
    "      --benchmark NAME  this benchmark only\n"
    "      --store URL       where runs are kept\n"
    "      --json            print one JSON document instead\n"
    "      --help            this text\n";

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {"benchmark", required_argument, NULL, CLI_BENCHMARK},
    {NULL, 0, NULL, 0},
};

static int print(const struct history *h, struct error *err) {
    cleanup(str_done) struct str text = {0};
    history_add_text(&text, h);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

/* Adds the nearest name to the sentence that says that there is no such server. */
static int offer_nearest(struct store *store, const char *server, struct error *err) {
    cleanup(store_names_done) struct store_names names = {0};
    struct error why;
    if (err->kind != ERROR_USAGE || store_server_names(store, &names, &why) < 0)
        return -1;
    const char *near = config_nearest(server, (const char *const *)names.items);
    size_t n = strlen(err->text);
    if (near)
        snprintf(err->text + n, sizeof(err->text) - n, " (did you mean '%.100s'?)", near);
    return -1;
}

/* A misspelled benchmark is no empty history. */
static int check_benchmark(const struct history *h, const char *benchmark, struct error *err) {
    for (size_t i = 0; i < h->count; i++)
        if (h->values[i].benchmark)
            return 0;
    return error_set(err, ERROR_USAGE,
                     "no run has measured '%.40s' on %.100s: `muster history %.100s` has what was",
                     benchmark, h->server, h->server);
}

static int show(const struct cli_store *from, const char *server, struct error *err) {
    cleanup(history_done) struct history h = {0};
    struct store *store;
    if (store_open(from->url, STORE_READ, &store, err) < 0)
        return -1;
    int rc = store_history(store, server, from->benchmark, &h, err);
    if (rc < 0)
        rc = offer_nearest(store, server, err);
    store_close(store);
    if (rc < 0 || (from->benchmark && check_benchmark(&h, from->benchmark, err) < 0))
        return -1;
    return from->json ? history_document(stdout, &h, err) : print(&h, err);
}

static int cmd_history(int argc, char **argv) {
    struct cli_store from;
    struct error err;
    int status = cli_store_options(argc, argv, options, help, &from);
    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return cli_usage("`muster history` takes one SERVER, as a run named it");
    return show(&from, argv[optind], &err) < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command command_history = {
    .name = "history",
    .about = "a server's scores over all runs, and whether it is slower than itself",
    .run = cmd_history,
    .help = help,
    .options = options,
};
