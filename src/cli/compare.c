/* compare: `muster compare`. */
#include "policy/compare.h"
#include "cli/cli.h"
#include "report/comparison.h"
#include "store/store.h"

#include <stdio.h>

static const char help[] =
    "usage: muster compare [OPTIONS] RUN RUN\n\n"
    "Prints what changed from the first run to the second, for each kind of server: the medians "
    "of\n"
    "every metric, their ratio with its interval, the servers that moved unlike their kind, and\n"
    "those that newly fail or newly pass. RUN may be `last`. The exit status is 1 when a metric "
    "got\n"
    "worse beyond doubt or a server newly fails, so that a rollout can wait for it.\n\n"
    "      --least PERCENT  smaller changes do not count (3)\n"
    "      --store URL      where runs are kept\n"
    "      --json           print one JSON document instead\n"
    "      --help           this text\n";

enum { LEAST = CLI_HELP + 1 };

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {"least", required_argument, NULL, LEAST},
    {NULL, 0, NULL, 0},
};

struct wanted {
    const char *url;
    bool json;
    double percent;
};

static int add(void *arg, const char *server, const struct server_result *result,
               struct error *err) {
    return cohort_add(arg, server, result, err);
}

static int print(const struct compared_runs *r, bool json, struct error *err) {
    if (json)
        return comparison_print_json(stdout, r, err);
    cleanup(str_done) struct str text = {0};
    comparison_add(&text, r);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

/* *worse: what the exit status says. */
static int compare(struct store *store, char **ids, const struct wanted *w, bool *worse,
                   struct error *err) {
    cleanup(cohort_done) struct cohort before = {0};
    cleanup(cohort_done) struct cohort after = {0};
    struct run runs[2];
    struct cohort *into[] = {&before, &after};
    for (int i = 0; i < 2; i++)
        if (store_run(store, ids[i], &runs[i], err) < 0 ||
            store_each(store, runs[i].id, add, into[i], err) < 0)
            return -1;
    cleanup(comparison_done) struct comparison comparison = {0};
    if (compare_runs(&before, &after, w->percent, &comparison, err) < 0)
        return -1;
    *worse = compare_worse(&comparison, &before, &after);
    struct compared_runs r = {runs, &before, &after, &comparison, w->percent};
    return print(&r, w->json, err);
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct wanted *ret) {
    struct error err;
    int c;
    while ((c = cli_getopt(argc, argv, "", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == CLI_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == CLI_STORE)
            ret->url = optarg;
        else if (c == CLI_JSON)
            ret->json = true;
        else if (cli_decimal("--least", optarg, &ret->percent, &err) < 0)
            return cli_fail(&err);
    }
    return -1;
}

static int cmd_compare(int argc, char **argv) {
    struct wanted w = {.percent = COMPARE_PERCENT};
    int status = read_options(argc, argv, &w);
    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return cli_usage(
            "`muster compare` takes two RUNs, the earlier one first: see `muster runs`");
    struct store *store;
    struct error err;
    if (store_open(w.url, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    bool worse = false;
    int rc = compare(store, argv + optind, &w, &worse, &err);
    store_close(store);
    if (rc < 0)
        return cli_fail(&err);
    status = cli_flush();
    return status == EXIT_PASSED && worse ? EXIT_NOT_PASSED : status;
}

const struct cli_command command_compare = {
    .name = "compare",
    .about = "what changed between two runs",
    .run = cmd_compare,
    .help = help,
    .options = options,
};
