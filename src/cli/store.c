/* store: `muster store`, what keeps a store in order. */
#include "cli/cli.h"

#include "base/units.h"
#include "cli/drop.h"
#include "store/upkeep.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: muster store make [--store URL]\n"
    "       muster store check [--store URL]\n"
    "       muster store copy FROM TO\n"
    "       muster store drop [--older-than AGE] [--keep N] [--dry-run] [--yes] [RUN...]\n\n"
    "make makes a store where there is none, and brings that of an older muster up to date. So\n"
    "does every command that writes; in PostgreSQL whoever does it owns the tables.\n\n"
    "check looks a store over: whether the database is sound, and what it says of runs, servers\n"
    "and verdicts agrees. It changes nothing.\n\n"
    "copy takes the runs of the store FROM with their logs, and its baselines, to the store TO,\n"
    "which is made where there is none: from SQLite to PostgreSQL, back, or between two of a\n"
    "kind. What TO has already stays as it is, so that a copy that was interrupted is made\n"
    "again. Runs that somebody works on are passed over. Outputs of commands are files: they go\n"
    "along from SQLite to SQLite, and else stay.\n\n"
    "drop takes runs away, with their results, logs and outputs: those that are named, or all\n"
    "that are older than AGE (90d), but for the N newest. What goes is shown, and asked for\n"
    "first. Runs that somebody works on stay; so do baselines. A drop that was interrupted is\n"
    "brought to its end by the next one, and what it left is not seen meanwhile.\n\n"
    "      --store URL       the store to make, check or drop from\n"
    "      --older-than AGE  drop runs that began longer ago\n"
    "      --keep N          whatever their age, keep the N newest runs\n"
    "      --dry-run         show what would go, and change nothing\n"
    "  -y, --yes             do not ask\n"
    "      --help            this text\n\n"
    "A store is a path, sqlite:PATH or postgresql://...\n\n"
    "Exit status: 0 the store is there, or sound, or all was copied or dropped; 1 it is not, or a\n"
    "run was passed over because somebody works on it, or may yet; 2 wrong usage; 3 the store\n"
    "cannot be read or written.\n";

enum { OPT_OLDER = 512, OPT_KEEP, OPT_DRY_RUN };

static const struct option options[] = {
    {"store", required_argument, NULL, CLI_STORE},
    {"older-than", required_argument, NULL, OPT_OLDER},
    {"keep", required_argument, NULL, OPT_KEEP},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"yes", no_argument, NULL, 'y'},
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
    printf("Copied %zu run%s with %zu server%s, and %zu baseline%s.\n", done.runs,
           done.runs == 1 ? "" : "s", done.servers, done.servers == 1 ? "" : "s", done.baselines,
           done.baselines == 1 ? "" : "s");
    int status = cli_flush();
    return status ? status : done.busy ? EXIT_NOT_PASSED : EXIT_PASSED;
}

static int drop(struct drop_words *w) {
    bool old = w->older_than || w->keep;
    if (!old && w->run_count == 0)
        return cli_usage("`muster store drop` takes runs, or --older-than or --keep");
    if (old && w->run_count > 0)
        return cli_usage("`muster store drop` takes runs by name, or by --older-than and --keep, "
                         "not both");
    return drop_command(w);
}

/* Reads the options. Returns -1 to go on, or the exit status. *any: there is one of drop's. */
static int read_options(int argc, char **argv, struct drop_words *w, bool *any) {
    struct error err;
    for (int c; (c = cli_getopt(argc, argv, "y", options)) != -1;) {
        *any = *any || c != CLI_STORE;
        int rc = 0;
        switch (c) {
        case '?':
            return EXIT_USAGE;
        case CLI_HELP:
            fputs(help, stdout);
            return cli_flush();
        case CLI_STORE:
            w->store = optarg;
            break;
        case OPT_OLDER:
            rc = duration_parse(optarg, &w->older_than, &err);
            break;
        case OPT_KEEP:
            rc = cli_number("--keep", optarg, 1, 1000000, &w->keep, &err);
            break;
        case OPT_DRY_RUN:
            w->dry_run = true;
            break;
        default:
            w->yes = true;
        }
        if (rc < 0)
            return cli_fail(&err);
    }
    return -1;
}

static int cmd_store(int argc, char **argv) {
    struct drop_words w = {0};
    bool any = false;
    int status = read_options(argc, argv, &w, &any);
    if (status >= 0)
        return status;
    char **words = argv + optind;
    int count = argc - optind;
    const char *verb = count > 0 ? words[0] : "";
    if (strcmp(verb, "drop") == 0) {
        w.runs = words + 1;
        w.run_count = (size_t)count - 1;
        return drop(&w);
    }
    if (any && *verb)
        return cli_usage("--older-than, --keep, --dry-run and --yes are for `muster store drop`");
    if (count == 1 && strcmp(verb, "make") == 0)
        return make(w.store);
    if (count == 1 && strcmp(verb, "check") == 0)
        return check(w.store);
    if (count == 3 && strcmp(verb, "copy") == 0 && !w.store)
        return copy(words[1], words[2]);
    if (strcmp(verb, "copy") == 0)
        return cli_usage("`muster store copy` takes two stores, FROM and TO");
    return cli_usage("`muster store` takes `make`, `check`, `copy FROM TO` or `drop`: see `muster "
                     "store --help`");
}

const struct cli_command command_store = {
    .name = "store",
    .about = "make a store, look it over, copy it, or drop old runs",
    .run = cmd_store,
    .help = help,
    .options = options,
};
