/*
 * serve: `muster serve`.
 *
 * The main thread waits for the signal that ends it; all else is done by the threads of connections
 * (serve/server.h). Nothing of muster's is logged here: there is no run.
 */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/signals.h"
#include "serve/auth.h"
#include "serve/server.h"
#include "serve/watch.h"
#include "store/store.h"

#include <stdio.h>
#include <unistd.h>

static const char help[] =
    "usage: muster serve [OPTIONS]\n\n"
    "Shows the runs of the store in a browser, those in progress live, and answers\n"
    "programs at /api and /metrics. Nothing is ever changed. Prints the address and\n"
    "runs until it is interrupted.\n\n"
    "      --listen WHERE     ADDRESS:PORT, or unix:PATH for a socket that only its\n"
    "                         owner can use (" LISTEN_DEFAULT ")\n"
    "      --token-file FILE  a file with the token that every reader has to show; needed where\n"
    "                         others than this machine can connect\n"
    "      --store URL        where runs are kept\n"
    "      --help             this text\n";

enum { LISTEN = CLI_HELP + 1, TOKEN_FILE };

static const struct option options[] = {
    {"store", required_argument, NULL, CLI_STORE},
    {"listen", required_argument, NULL, LISTEN},
    {"token-file", required_argument, NULL, TOKEN_FILE},
    {"help", no_argument, NULL, CLI_HELP},
    {NULL, 0, NULL, 0},
};

struct wanted {
    const char *store, *listen, *token_file;
};

/* A store that cannot be read is said at once, and not by every page. */
static int try_store(const char *url, struct error *err) {
    struct store *store;
    if (store_open(url, STORE_READ, &store, err) < 0)
        return -1;
    store_close(store);
    return 0;
}

/* Until the token fires. */
static int serve(struct site *site, const struct listening *at, struct error *err) {
    struct server_daemon *d;
    if (watches_new(site->store, site->cancel, &site->watches, err) < 0)
        return -1;
    if (server_start(site, at, &d, err) < 0) {
        watches_free(site->watches);
        return -1;
    }
    printf("muster serves at %s (Ctrl-C ends it)\n", at->url);
    int status = cli_flush();
    if (status == 0)
        cancel_sleep(site->cancel, DEADLINE_NEVER);
    cancel_fire(site->cancel);
    server_stop(d);
    watches_free(site->watches);
    return status;
}

static int listen_and_serve(const struct wanted *w, struct site *site, struct error *err) {
    struct listening at;
    if (listen_open(w->listen, &at, err) < 0)
        return -1;
    int status = -1;
    site->check_host = !site->auth && !at.path;
    if (!at.loopback && !site->auth)
        error_set(err, ERROR_USAGE,
                  "others than this machine can connect to %s: --token-file FILE with a token "
                  "for them is needed (`umask 077; openssl rand -hex 32 >FILE` makes one)",
                  at.url);
    else
        status = serve(site, &at, err);
    listen_done(&at);
    return status;
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct wanted *ret) {
    int c;
    while ((c = cli_getopt(argc, argv, "", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == CLI_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        *(c == CLI_STORE ? &ret->store : c == LISTEN ? &ret->listen : &ret->token_file) = optarg;
    }
    return -1;
}

static int cmd_serve(int argc, char **argv) {
    struct wanted w = {.listen = LISTEN_DEFAULT};
    struct error err;
    int status = read_options(argc, argv, &w);
    if (status >= 0)
        return status;
    if (optind < argc)
        return cli_usage("`muster serve` takes no argument '%.40s'", argv[optind]);
    struct site site = {.store = w.store};
    struct signals *signals;
    if (try_store(w.store, &err) < 0)
        return cli_fail(&err);
    /* before signals are caught: the file may be a pipe that nobody writes to */
    if (w.token_file && auth_load(w.token_file, &site.auth, &err) < 0)
        return cli_fail(&err);
    status = cancel_new(&site.cancel, &err);
    if (status == 0)
        status = signals_start(SIGNALS_END(site.cancel), &signals, &err);
    if (status == 0) {
        status = listen_and_serve(&w, &site, &err);
        signals_stop(signals);
    }
    cancel_free(site.cancel);
    auth_free(site.auth);
    return status < 0 ? cli_fail(&err) : status;
}

const struct cli_command command_serve = {
    .name = "serve",
    .about = "the runs of the store in a browser, live",
    .run = cmd_serve,
    .help = help,
    .options = options,
};
