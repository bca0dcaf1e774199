/* store: `muster store`, what keeps a store in order. */
#include "cli/cli.h"

#include "store/upkeep.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: muster store make [--store URL]\n"
    "       muster store check [--store URL]\n"
    "       muster store copy FROM TO\n\n"
    "make makes a store where there is none, and brings that of an older muster up to date. So\n"
    "does every command that writes; in PostgreSQL whoever does it owns the tables.\n\n"
    "check looks a store over: whether the database is sound, and what it says of runs, servers\n"
    "and verdicts agrees. It changes nothing.\n\n"
    "copy takes the runs of the store FROM with their logs, and its baselines, to the store TO,\n"
    "which is made where there is none: from SQLite to PostgreSQL, back, or between two of a\n"
    "kind. What TO has already stays as it is, so that a copy that was interrupted is made\n"
    "again. Runs that somebody works on are passed over. Outputs of commands are files: they go\n"
    "along from SQLite to SQLite, and else stay.\n\n"
    "      --store URL  the store to make or check\n"
    "      --help       this text\n\n"
    "A store is a path, sqlite:PATH or postgresql://...\n\n"
    "Exit status: 0 the store is there, or sound, or all was copied; 1 it is not, or a run was "
    "passed over\n"
    "because somebody works on it; 2 wrong usage; 3 the store cannot be read or written.\n";

static const struct option options[] = {
    {"store", required_argument, NULL, CLI_STORE},
    {"help", no_argument, NULL, CLI_HELP},
    {NULL, 0, NULL, 0},
};

static int print(__attribute__((unused)) void *arg, const char *what,
                 __attribute__((unused)) struct error *err) {
    puts(what);
    return 0;
}

static int make(const char *url) {
    struct store *store;
    struct error err;
    if (store_open(url, STORE_CREATE, &store, &err) < 0)
        return cli_fail(&err);
    store_close(store);
    return EXIT_PASSED;
}

static int check(const char *url) {
    struct store *store;
    struct error err;
    if (store_open(url, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    int found = store_check(store, print, NULL, &err);
    store_close(store);
    if (found < 0) {
        fflush(stdout);
        return cli_fail(&err);
    }
    puts(found ? "The store is not sound." : "The store is sound.");
    int status = cli_flush();
    return status ? status : found ? EXIT_NOT_PASSED : EXIT_PASSED;
}

static int copy_to(struct store *from, const char *url, struct store_copied *done,
                   struct error *err) {
    struct store *to;
    if (store_open(url, STORE_CREATE, &to, err) < 0)
        return -1;
    int rc = store_copy(from, to, print, NULL, done, err);
    store_close(to);
    return rc;
}

static int copy(const char *from_url, const char *to_url) {
    struct store *from;
    struct store_copied done;
    struct error err;
    if (store_open(from_url, STORE_READ, &from, &err) < 0)
        return cli_fail(&err);
    int rc = copy_to(from, to_url, &done, &err);
    store_close(from);
    if (rc < 0) {
        fflush(stdout);
        return cli_fail(&err);
    }
    printf("%zu runs with %zu servers and %zu baselines were copied.\n", done.runs, done.servers,
           done.baselines);
    int status = cli_flush();
    return status ? status : done.busy ? EXIT_NOT_PASSED : EXIT_PASSED;
}

static int cmd_store(int argc, char **argv) {
    const char *url = NULL;
    for (int c; (c = cli_getopt(argc, argv, "", options)) != -1;) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == CLI_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        url = optarg;
    }
    char **words = argv + optind;
    int count = argc - optind;
    if (count == 1 && strcmp(words[0], "make") == 0)
        return make(url);
    if (count == 1 && strcmp(words[0], "check") == 0)
        return check(url);
    if (count == 3 && strcmp(words[0], "copy") == 0 && !url)
        return copy(words[1], words[2]);
    if (count > 0 && strcmp(words[0], "copy") == 0)
        return cli_usage("`muster store copy` takes two stores, FROM and TO");
    return cli_usage(
        "`muster store` takes `make`, `check` or `copy FROM TO`: see `muster store --help`");
}

const struct cli_command command_store = {
    .name = "store",
    .about = "make a store, look it over, or copy it to another one",
    .run = cmd_store,
    .help = help,
    .options = options,
};
