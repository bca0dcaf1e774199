/* runs: `muster runs`. */
#include "cli/cli.h"

#include "base/clock.h"
#include "report/document.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>

static const char help[] = "usage: muster runs [OPTIONS]\n\n"
                           "Lists the runs in the store, the newest first.\n\n"
                           "      --store URL  where runs are kept\n"
                           "      --json       print a JSON array\n"
                           "      --help       this text\n";

enum { OPT_STORE = 256, OPT_JSON, OPT_HELP };

static const struct option options[] = {
    {"store", required_argument, NULL, OPT_STORE},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static void print(const struct run *runs, size_t n) {
    printf("%-24s %-19s %9s %8s %8s %8s %8s %9s\n", "run", "started", "seconds", "servers",
           "passed", "failed", "errors", "cancelled");
    for (size_t i = 0; i < n; i++) {
        char started[20], seconds[32] = "not ended";
        clock_format_local(runs[i].started, started);
        if (!isnan(runs[i].seconds))
            snprintf(seconds, sizeof(seconds), "%.1f", runs[i].seconds);
        printf("%-24s %s %9s %8zu %8zu %8zu %8zu %9zu\n", runs[i].id, started, seconds,
               runs[i].total, runs[i].passed, runs[i].failed, runs[i].errors, runs[i].cancelled);
    }
}

static void print_json(const struct run *runs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ",\n" : "[\n", stdout);
        document_run(stdout, &runs[i]);
    }
    fputs(n ? "\n]\n" : "[]\n", stdout);
}

int cmd_runs(int argc, char **argv) {
    const char *url = NULL;
    bool json = false;
    int c;
    while ((c = cli_getopt(argc, argv, "", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == OPT_STORE)
            url = optarg;
        json |= c == OPT_JSON;
    }
    if (optind < argc)
        return cli_usage("`muster runs` takes no argument '%.40s'", argv[optind]);
    cleanup(free_ptr) struct run *runs = NULL;
    struct store *store;
    struct error err;
    size_t n;
    if (store_open(url, false, &store, &err) < 0)
        return cli_fail(&err);
    int rc = store_runs(store, &runs, &n, &err);
    store_close(store);
    if (rc < 0)
        return cli_fail(&err);
    if (json)
        print_json(runs, n);
    else
        print(runs, n);
    return cli_flush();
}
