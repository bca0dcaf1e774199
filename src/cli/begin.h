/*
 * begin: a run from what the user says of it to its place in the store: what `run` and `submit`
 * have in common.
 */
#pragma once

#include "cli/runner.h"

/* What only the beginning of a run is told. */
struct beginning {
    struct cli_servers servers;
    const char *config;
    bool dry; /* nothing is written */
};

/* Entries of getopt_long()'s table, and letters; RUN_OPTIONS are what else is told. */
#define BEGIN_OPTIONS                                                                              \
    CLI_SERVER_OPTIONS, {                                                                          \
        "config", required_argument, NULL, 'c'                                                     \
    }
#define BEGIN_LETTERS CLI_SERVER_LETTERS "c:"

/* What the help of a command says of them and of RUN_OPTIONS, but for --ask-password. */
#define BEGIN_SERVERS_HELP                                                                         \
    "A SERVER is a name or a pattern: web[01-40,42], user@web03:2222, "                            \
    "rack[1-4]-node[01-16]!rack2-node07\n\n"                                                       \
    "  -i, --inventory FILE     servers, one or a pattern a line, or an inventory of Ansible's "   \
    "(INI,\n"                                                                                      \
    "                           YAML, JSON, a folder, a program); - is standard input "            \
    "(repeatable)\n"                                                                               \
    "  -g, --group PATTERN      of the inventory, these: a group, web:&prod:!db, web*, @FILE\n"    \
    "                           (repeatable)\n"                                                    \
    "  -x, --exclude SERVERS    not these (repeatable)\n"                                          \
    "  -c, --config FILE        configuration; without it ./muster.yaml, if there is one\n"        \
    "  -b, --benchmarks A,B     these benchmarks only; none: connect and read facts\n"             \
    "      --quick              shorter built-in benchmarks, one trial of each\n"                  \
    "  -f, --fanout N           servers worked on at once (32)\n"                                  \
    "  -t, --threshold SCORE    a score below it fails the server (50)\n"                          \
    "      --timeout DURATION   for a whole server: 90s, 5m, 2h\n"                                 \
    "      --busy-wait DURATION wait so long for another run on a server (0s)\n"                   \
    "      --linger DURATION    let agents go on for so long without a session (0s); `resume` "    \
    "and\n"                                                                                        \
    "                           retries take up what they do\n"                                    \
    "      --retries N          of servers unreachable or lost (2)\n"                              \
    "      --max-errors N|P%    stop when more servers than that could not be judged\n"            \
    "      --outliers WHAT      what becomes of servers worse than their peers: fail, warn or "    \
    "off\n"                                                                                        \
    "                           (warn)\n"                                                          \
    "      --longest-first      begin with servers that took long in earlier runs of the store\n"  \
    "      --limit LABEL=N      at most N servers at once of one value of a label, as in "         \
    "rack=4,\n"                                                                                    \
    "                           in all runs of the store together (repeatable)\n"                  \
    "  -u, --user NAME          log in as\n"                                                       \
    "  -p, --port N             connect to\n"                                                      \
    "  -T, --transport T        ssh (default), local, or command:TEMPLATE, as in\n"                \
    "                           'command:docker exec -i {server} sh -c'\n"                         \
    "  -F, --ssh-config FILE    instead of the user's ssh_config\n"

#define BEGIN_SIMULATE_HELP                                                                        \
    "      --simulate[=SPEC]    no servers needed: "                                               \
    "servers=N,seed=S,delay=A-B,skew=K,score=A-B,error=P%;\n"                                      \
    "                           or a fleet to be judged by its peers: "                            \
    "kinds=K,metrics=M,noise=P%,\n"                                                                \
    "                           slow=P%:SIZE%,throttled=P%:SIZE%,drift=P%:SIZE%,"                  \
    "bimodal=P%:SIZE%,\n"                                                                          \
    "                           missing=P%,age=N,truth=FILE\n"

/* Takes an option of these, of RUN_OPTIONS or of RUN_OUTPUT_OPTIONS. */
int begin_take(struct runner *r, struct beginning *b, int c, const char *value,
               struct error *err) must_use;

/* Reads the configuration and the servers that the options and patterns name. */
int begin_read(struct runner *r, struct beginning *b, char **patterns, size_t count,
               struct error *err) must_use;

/* Adds the run to r->store, with what a later sitting needs to go on with it. */
int begin_store(struct runner *r, int fanout, struct error *err) must_use;

void beginning_done(struct beginning *b);
