/* run: `muster run`. Reads what the user gave; cli/runner does the rest. */
#include "cli/dryrun.h"
#include "cli/runner.h"

#include "input/configlabels.h"
#include "transport/simtruth.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: muster run [OPTIONS] [SERVER...]\n\n"
    "Benchmarks the servers, all at once, and prints which did not pass, and why. What is\n"
    "interrupted goes on with `muster resume`.\n"
    "A SERVER is a name or a pattern: web[01-40,42], user@web03:2222, "
    "rack[1-4]-node[01-16]!rack2-node07\n\n"
    "  -i, --inventory FILE     servers, one or a pattern a line, or an inventory of Ansible's "
    "(INI,\n"
    "                           YAML, JSON, a folder, a program); - is standard input "
    "(repeatable)\n"
    "  -g, --group PATTERN      of the inventory, these: a group, web:&prod:!db, web*, @FILE\n"
    "                           (repeatable)\n"
    "  -x, --exclude SERVERS    not these (repeatable)\n"
    "  -c, --config FILE        configuration; without it ./muster.yaml, if there is one\n"
    "  -b, --benchmarks A,B     these benchmarks only; none: connect and read facts\n"
    "      --quick              shorter built-in benchmarks, one trial of each\n"
    "  -f, --fanout N           servers worked on at once (32)\n"
    "  -t, --threshold SCORE    a score below it fails the server (50)\n"
    "      --timeout DURATION   for a whole server: 90s, 5m, 2h\n"
    "      --busy-wait DURATION wait so long for another run on a server (0s)\n"
    "      --linger DURATION    let agents go on for so long without a session (0s); `resume` and\n"
    "                           retries take up what they do\n"
    "      --retries N          of servers unreachable or lost (2)\n"
    "      --max-errors N|P%    stop when more servers than that could not be judged\n"
    "      --outliers WHAT      what becomes of servers worse than their peers: fail, warn or off\n"
    "                           (warn)\n"
    "      --longest-first      begin with servers that took long in earlier runs of the store\n"
    "      --limit LABEL=N      at most N servers at once of one value of a label, as in rack=4,\n"
    "                           in all runs of the store together (repeatable)\n"
    "  -u, --user NAME          log in as\n"
    "  -p, --port N             connect to\n"
    "  -T, --transport T        ssh (default), local, or command:TEMPLATE, as in\n"
    "                           'command:docker exec -i {server} sh -c'\n"
    "  -F, --ssh-config FILE    instead of the user's ssh_config\n"
    "      --ask-password       ask once for the password to log in with\n"
    "      --dry-run            print what would be run, and how long it should take; runs "
    "nothing\n"
    "      --simulate[=SPEC]    no servers needed: "
    "servers=N,seed=S,delay=A-B,skew=K,score=A-B,error=P%;\n"
    "                           or a fleet to be judged by its peers: kinds=K,metrics=M,noise=P%,\n"
    "                           slow=P%:SIZE%,throttled=P%:SIZE%,drift=P%:SIZE%,bimodal=P%:SIZE%,\n"
    "                           missing=P%,age=N,truth=FILE\n" RUN_OUTPUT_HELP "\n"
    "Exit status: 0 every server passed, 1 at least one did not, 2 wrong usage and nothing was "
    "run,\n"
    "3 muster could not go on, 128+N ended by signal N.\n";

enum { RUN_DRY = RUN_OWN };

static const struct option options[] = {
    CLI_SERVER_OPTIONS,
    {"config", required_argument, NULL, 'c'},
    {"dry-run", no_argument, NULL, RUN_DRY},
    RUN_OPTIONS,
    RUN_OUTPUT_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* What only the beginning of a run is told. */
struct beginning {
    struct cli_servers servers;
    const char *config;
    bool dry;
};

static int take(struct runner *r, struct beginning *b, int c, const char *value,
                struct error *err) {
    int taken = run_options_take(&r->options, c, value, err);
    if (taken == 0)
        taken = run_output_take(&r->output, c, value, err);
    if (taken == 0 && !cli_servers_option(&b->servers, c, value))
        b->config = value; /* -c is all that is left */
    return taken < 0 ? -1 : 0;
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct runner *r, struct beginning *b) {
    int c;
    struct error err;
    while ((c = cli_getopt(argc, argv, CLI_SERVER_LETTERS "c:" RUN_LETTERS RUN_OUTPUT_LETTERS,
                           options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == RUN_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == RUN_DRY)
            b->dry = true;
        else if (take(r, b, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    return -1;
}

static int load_servers(const struct run_options *o, struct beginning *b, char **patterns,
                        size_t count, struct servers *ret, struct error *err) {
    bool named = count > 0 || b->servers.file_count > 0;
    if (o->simulate && named)
        return error_set(err, ERROR_USAGE,
                         "--simulate makes its own servers: name none, or leave it out");
    if (o->simulate)
        return simulation_servers(&o->simulation, ret, err) < 0 ? -1
               : b->dry                                         ? 0
                        : simtruth_write(&o->simulation, ret, err);
    if (!named && o->transport && strcmp(o->transport, "local") == 0) {
        char *local[] = {(char *)"localhost"};
        return cli_servers_load(&b->servers, local, 1, ret, err);
    }
    b->servers.any_connection = o->transport && strcmp(o->transport, "ssh") != 0;
    return cli_servers_load(&b->servers, patterns, count, ret, err);
}

static int store(struct runner *r, struct error *err) {
    cleanup(free_ptr) char *words = run_options_words(&r->options);
    cleanup(free_ptr) char *folder = getcwd(NULL, 0); /* NULL where there is none to go back to */
    if (!words)
        return error_memory(err);
    const struct store_recipe recipe = {.options = words,
                                        .config_path = r->config.path,
                                        .config = r->config.text,
                                        .config_len = r->config.text_len,
                                        .folder = folder};
    return store_begin(r->store, &r->run, &recipe, &r->servers, err);
}

static int read_input(struct runner *r, struct beginning *b, char **patterns, size_t count,
                      struct error *err) {
    if (cli_config(b->config, &r->config, err) < 0 ||
        load_servers(&r->options, b, patterns, count, &r->servers, err) < 0)
        return -1;
    return config_label_servers(&r->config, &r->servers, err);
}

static int begin(struct runner *r, struct error *err) {
    if (runner_prepare(r, err) < 0)
        return -1;
    r->run = (struct run){.fanout = r->plan.fanout, .threshold = r->plan.threshold};
    if (store_open(r->output.store, STORE_CREATE, &r->store, err) < 0 ||
        runner_baselines(r, err) < 0)
        return -1;
    return store(r, err);
}

static int cmd_run(int argc, char **argv) {
    struct beginning b = {0};
    struct runner r;
    struct error err;
    runner_init(&r);
    int status = read_options(argc, argv, &r, &b);
    if (status < 0 && read_input(&r, &b, argv + optind, (size_t)(argc - optind), &err) < 0)
        status = cli_fail(&err);
    else if (status < 0 && b.dry)
        status = dryrun(&r);
    else if (status < 0)
        status = begin(&r, &err) < 0 ? runner_fail(&r, &err) : runner_go(&r);
    runner_done(&r);
    cli_servers_done(&b.servers);
    return status;
}

const struct cli_command command_run = {
    .name = "run",
    .about = "benchmark servers, print the summary",
    .run = cmd_run,
    .help = help,
    .options = options,
};
