/* runs: `muster runs`. */
#include "cli/cli.h"

#include "base/clock.h"
#include "report/document.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>

static const char help[] =
    "usage: muster runs [OPTIONS]\n\n"
    "Lists the runs in the store, the newest first, and for each whether\n"
    "it is running (and where), waits for a worker, was interrupted, or has ended.\n\n"
    "      --store URL  where runs are kept\n"
    "      --json       print a JSON array\n"
    "      --help       this text\n";

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {NULL, 0, NULL, 0},
};

static void print(const struct run *runs, size_t n) {
    printf("%-24s %-19s %9s %8s %8s %8s %8s %9s  %s\n", "run", "started", "seconds", "servers",
           "passed", "failed", "errors", "cancelled", "state");
    for (size_t i = 0; i < n; i++) {
        char started[20], seconds[32] = "-";
        clock_format_local(runs[i].started, started);
        if (!isnan(runs[i].seconds))
            snprintf(seconds, sizeof(seconds), "%.1f", runs[i].seconds);
        printf("%-24s %s %9s %8zu %8zu %8zu %8zu %9zu  %s", runs[i].id, started, seconds,
               runs[i].total, runs[i].passed, runs[i].failed, runs[i].errors, runs[i].cancelled,
               run_state(&runs[i]));
        if (runs[i].workers > 1)
            printf(", %zu workers", runs[i].workers);
        else if (runs[i].holder.pid)
            printf(", process %lld", (long long)runs[i].holder.pid);
        if (runs[i].workers == 1 && runs[i].holder.since)
            printf(" on %s", runs[i].holder.host);
        putchar('\n');
    }
}

static int cmd_runs(int argc, char **argv) {
    struct cli_store from;
    int status = cli_store_options(argc, argv, options, help, &from);
    if (status >= 0)
        return status;
    if (optind < argc)
        return cli_usage("`muster runs` takes no argument '%.40s'", argv[optind]);
    cleanup(free_ptr) struct run *runs = NULL;
    struct store *store;
    struct error err;
    size_t n;
    if (store_open(from.url, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    int rc = store_runs(store, &runs, &n, &err);
    store_close(store);
    if (rc == 0 && from.json)
        rc = document_runs(stdout, runs, n, &err);
    else if (rc == 0)
        print(runs, n);
    return rc < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command command_runs = {
    .name = "runs",
    .about = "list runs in the store",
    .run = cmd_runs,
    .help = help,
    .options = options,
};
