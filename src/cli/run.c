/*
 * run: `muster run`.
 *
 * Everything that can be wrong in what the user gave is found before the store is touched and
 * before a thread is started. What is printed at the end comes from the store and the totals alone;
 * the log is closed before it, so that the summary is the last thing on a terminal.
 */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/units.h"
#include "cli/descriptors.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/signals.h"
#include "fleet/fleet.h"
#include "sync/log.h"
#include "transport/command.h"
#include "transport/local.h"
#include "transport/simulated.h"
#include "transport/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: muster run [OPTIONS] [SERVER...]\n\n"
    "Benchmarks the servers, all at once, and prints which did not pass, and why.\n"
    "A SERVER is a name or a pattern: web[01-40,42], user@web03:2222, "
    "rack[1-4]-node[01-16]!rack2-node07\n\n"
    "  -i, --inventory FILE     servers, one or a pattern a line; - is standard input "
    "(repeatable)\n"
    "  -x, --exclude SERVERS    not these (repeatable)\n"
    "  -c, --config FILE        configuration; without it ./muster.yaml, if there is one\n"
    "  -b, --benchmarks A,B     these benchmarks only; none: connect and read facts\n"
    "      --quick              shorter built-in benchmarks, one trial of each\n"
    "  -f, --fanout N           servers worked on at once (32)\n"
    "  -t, --threshold SCORE    a score below it fails the server (50)\n"
    "      --timeout DURATION   for a whole server: 90s, 5m, 2h\n"
    "      --retries N          of servers unreachable or lost (0)\n"
    "  -u, --user NAME          log in as\n"
    "  -p, --port N             connect to\n"
    "  -T, --transport T        ssh (default), local, or command:TEMPLATE, as in\n"
    "                           'command:docker exec -i {server} sh -c'\n"
    "  -F, --ssh-config FILE    instead of the user's ssh_config\n"
    "      --ask-password       ask once for the password to log in with\n"
    "      --simulate[=SPEC]    no servers needed: servers=N,seed=S,delay=A-B,score=A-B,error=P%\n"
    "      --store URL          where runs are kept (~/.local/state/muster/muster.db)\n"
    "      --log-format F       of standard error and --log-file: console, logfmt or json\n"
    "      --log-file FILE      log here too; opened anew on SIGHUP\n"
    "  -v, --verbose            log debug lines too\n"
    "  -q, --quiet              only the summary\n"
    "      --json               print one JSON document instead of the summary\n"
    "      --failed-to FILE     write the servers that did not pass, one a line\n"
    "      --passed-to FILE     write the servers that passed, one a line\n"
    "      --help               this text\n\n"
    "Exit status: 0 every server passed, 1 at least one did not, 2 wrong usage and nothing was "
    "run,\n"
    "3 muster could not go on, 128+N ended by signal N.\n";

struct run_options {
    struct cli_servers servers;
    struct plan_options plan;
    const char *config;
    const char *transport;
    const char *user;
    const char *ssh_config;
    int port;
    bool ask_password;
    bool simulate;
    struct simulation simulation;
    const char *store;
    const char *log_file;
    enum log_format log_format;
    bool verbose, quiet, json;
    const char *failed_to, *passed_to;
};

enum {
    OPT_TIMEOUT = 256,
    OPT_RETRIES,
    OPT_ASK_PASSWORD,
    OPT_SIMULATE,
    OPT_STORE,
    OPT_LOG_FORMAT,
    OPT_LOG_FILE,
    OPT_JSON,
    OPT_QUICK,
    OPT_FAILED_TO,
    OPT_PASSED_TO,
    OPT_HELP,
};

static const struct option options[] = {
    CLI_SERVER_OPTIONS,
    {"config", required_argument, NULL, 'c'},
    {"benchmarks", required_argument, NULL, 'b'},
    {"fanout", required_argument, NULL, 'f'},
    {"threshold", required_argument, NULL, 't'},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"retries", required_argument, NULL, OPT_RETRIES},
    {"user", required_argument, NULL, 'u'},
    {"port", required_argument, NULL, 'p'},
    {"transport", required_argument, NULL, 'T'},
    {"ssh-config", required_argument, NULL, 'F'},
    {"ask-password", no_argument, NULL, OPT_ASK_PASSWORD},
    {"simulate", optional_argument, NULL, OPT_SIMULATE},
    {"store", required_argument, NULL, OPT_STORE},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"log-file", required_argument, NULL, OPT_LOG_FILE},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPT_JSON},
    {"quick", no_argument, NULL, OPT_QUICK},
    {"failed-to", required_argument, NULL, OPT_FAILED_TO},
    {"passed-to", required_argument, NULL, OPT_PASSED_TO},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int read_value(struct run_options *o, int option, const char *value, struct error *err) {
    switch (option) {
    case 'c':
        o->config = value;
        return 0;
    case 'b':
        o->plan.benchmarks = value;
        return 0;
    case 'f':
        return cli_number("the fan-out", value, 1, 100000, &o->plan.fanout, err);
    case 't':
        return cli_decimal("the threshold", value, &o->plan.threshold, err);
    case OPT_TIMEOUT:
        return duration_parse(value, &o->plan.server_timeout, err);
    case OPT_RETRIES:
        return cli_number("the number of retries", value, 0, 100, &o->plan.retries, err);
    case 'u':
        o->user = value;
        return 0;
    case 'p':
        return cli_number("the port", value, 1, 65535, &o->port, err);
    case 'T':
        o->transport = value;
        return 0;
    case 'F':
        o->ssh_config = value;
        return 0;
    case OPT_SIMULATE:
        o->simulate = o->plan.simulated = true;
        return simulation_parse(value, &o->simulation, err);
    case OPT_STORE:
        o->store = value;
        return 0;
    case OPT_LOG_FORMAT:
        if (log_format_parse(value, &o->log_format) == 0)
            return 0;
        return error_set(err, ERROR_USAGE, "the log format is console, logfmt or json, not '%.40s'",
                         value);
    case OPT_LOG_FILE:
        o->log_file = value;
        return 0;
    case OPT_FAILED_TO:
        o->failed_to = value;
        return 0;
    default: /* OPT_PASSED_TO */
        o->passed_to = value;
        return 0;
    }
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct run_options *o) {
    int c;
    struct error err;
    while ((c = cli_getopt(argc, argv, CLI_SERVER_LETTERS "c:b:f:t:u:p:T:F:vq", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == 'v')
            o->verbose = true;
        else if (c == 'q')
            o->quiet = true;
        else if (c == OPT_JSON)
            o->json = true;
        else if (c == OPT_QUICK)
            o->plan.quick = true;
        else if (c == OPT_ASK_PASSWORD)
            o->ask_password = true;
        else if (!cli_servers_option(&o->servers, c, optarg) && read_value(o, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    return -1;
}

/* All that a run needs, made in this order and undone in the other. */
struct setup {
    struct config config;
    struct servers servers;
    struct plan plan;
    char *password;
    int failed_to, passed_to;
    struct store *store;
    struct cancel *cancel;
    struct signals *signals;
    struct transport *transport;
    bool log_open;
    struct run run;
    struct outcome *outcomes;
};

static void setup_done(struct setup *s) {
    struct error ignored;
    for (size_t i = 0; s->outcomes && i < s->servers.count; i++)
        free(s->outcomes[i].detail);
    free(s->outcomes);
    transport_free(s->transport);
    if (s->log_open)
        log_close(&ignored);
    signals_stop(s->signals);
    cancel_free(s->cancel);
    store_close(s->store);
    fd_close(&s->failed_to);
    fd_close(&s->passed_to);
    password_free(s->password);
    plan_done(&s->plan);
    servers_done(&s->servers);
    config_done(&s->config);
}

static int load_servers(const struct run_options *o, char **patterns, size_t count,
                        struct servers *ret, struct error *err) {
    bool named = count > 0 || o->servers.file_count > 0;
    if (o->simulate && named)
        return error_set(err, ERROR_USAGE,
                         "--simulate makes its own servers: name none, or leave it out");
    if (o->simulate)
        return simulation_servers(&o->simulation, ret, err);
    if (!named && o->transport && strcmp(o->transport, "local") == 0) {
        char *local[] = {(char *)"localhost"};
        return cli_servers_load(&o->servers, local, 1, ret, err);
    }
    return cli_servers_load(&o->servers, patterns, count, ret, err);
}

static int ask_passphrase(const char *path, bool again, char **ret, struct error *err) {
    cleanup(str_done) struct str prompt = {0};
    str_addf(&prompt, "%sPassphrase of the key %s: ", again ? "That was wrong. " : "", path);
    return prompt.failed ? error_memory(err) : password_ask(prompt.data, ret, err);
}

static int make_transport(const struct run_options *o, struct setup *s, struct error *err) {
    const char *name = o->transport ? o->transport : "ssh";
    if (o->simulate)
        return transport_simulated_new(&o->simulation, s->cancel, &s->transport, err);
    if (strcmp(name, "local") == 0)
        return transport_local_new(s->cancel, &s->transport, err);
    if (strncmp(name, "command:", 8) == 0)
        return transport_command_new(name + 8, s->cancel, &s->transport, err);
    if (strcmp(name, "ssh") != 0)
        return error_set(err, ERROR_USAGE,
                         "the transport is ssh, local or command:TEMPLATE, not '%.40s'", name);
    struct ssh_settings settings = {
        .user = o->user ? o->user : s->config.ssh.user,
        .port = o->port ? o->port : s->config.ssh.port,
        .config_file = o->ssh_config ? o->ssh_config : s->config.ssh.config,
        .connect_timeout = s->config.ssh.connect_timeout,
        .login_timeout = s->config.ssh.login_timeout,
        .jump_channels = s->config.ssh.jump_channels,
        .password = s->password,
        .cancel = s->cancel,
    };
    if (transport_ssh_new(&settings, &s->transport, err) < 0)
        return -1;
    return password_can_ask() ? transport_ssh_unlock(s->transport, &s->servers, ask_passphrase, err)
                              : 0;
}

/* Opened before the run, so that a path that cannot be written is no surprise after it. */
static int open_list(const char *path, int *ret, struct error *err) {
    if (!path)
        return 0;
    *ret = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return *ret < 0 ? error_os(err, ERROR_USAGE, errno, "cannot write to %s", path) : 0;
}

static int open_log(const struct run_options *o, struct setup *s, struct error *err) {
    enum log_level level = o->verbose ? LOG_DEBUG : LOG_INFO;
    if (log_open(err) < 0)
        return -1;
    s->log_open = true;
    if (!o->quiet && log_add_fd(STDERR_FILENO, o->log_format, level, err) < 0)
        return -1;
    return o->log_file ? log_add_file(o->log_file, o->log_format, level, err) : 0;
}

/* The run's own log, beside the store: what `muster log` reads. */
static int open_run_log(const struct run_options *o, struct setup *s, struct error *err) {
    cleanup(free_ptr) char *path = store_log_path(s->store, s->run.id);
    if (!path)
        return error_memory(err);
    cleanup(free_ptr) char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
    if (!folder)
        return error_memory(err);
    if (fd_make_folders(folder, err) < 0)
        return -1;
    return log_add_file(path, LOG_JSON, o->verbose ? LOG_DEBUG : LOG_INFO, err);
}

/*
 * A simulated session holds no descriptor, one over ssh its socket, or what a ProxyCommand takes,
 * one over a program its pipes.
 */
static void limit_fanout(const struct run_options *o, struct plan *plan) {
    bool ssh = !o->transport || strcmp(o->transport, "ssh") == 0;
    int asked = plan->fanout;
    if (!o->simulate)
        plan->fanout = descriptors_make_room(asked, ssh ? 5 : 7, ssh ? 6 : 0);
    if (plan->fanout < asked)
        log_warning("fewer servers at once than asked for", LOG_I("fanout", plan->fanout),
                    LOG_I("asked", asked), LOG_S("reason", "the limit of open files"));
}

/* Everything that is the user's to get right; nothing is run or written yet. */
static int check(const struct run_options *o, char **patterns, size_t count, struct setup *s,
                 struct error *err) {
    if (cli_config(o->config, o->simulate, &s->config, err) < 0 ||
        load_servers(o, patterns, count, &s->servers, err) < 0 ||
        plan_make(&s->config, &o->plan, &s->plan, err) < 0 ||
        (o->ask_password && password_ask("Password: ", &s->password, err) < 0) ||
        open_list(o->failed_to, &s->failed_to, err) < 0 ||
        open_list(o->passed_to, &s->passed_to, err) < 0)
        return -1;
    s->outcomes = calloc(s->servers.count, sizeof(*s->outcomes));
    if (!s->outcomes)
        return error_memory(err);
    /* what is asked on the terminal comes before any line of the log, and Ctrl-C ends it as usual
     */
    return cancel_new(&s->cancel, err) < 0 || make_transport(o, s, err) < 0 ||
                   signals_start(s->cancel, &s->signals, err) < 0 || open_log(o, s, err) < 0
               ? -1
               : 0;
}

static int begin(const struct run_options *o, struct setup *s, struct error *err) {
    limit_fanout(o, &s->plan);
    s->run = (struct run){.fanout = s->plan.fanout, .threshold = s->plan.threshold};
    if (store_open(o->store, true, &s->store, err) < 0 ||
        store_begin(s->store, &s->run, &s->servers, err) < 0)
        return -1;
    return open_run_log(o, s, err);
}

static int execute(const struct run_options *o, struct setup *s, struct error *err) {
    struct fleet fleet = {.plan = &s->plan,
                          .servers = &s->servers,
                          .transport = s->transport,
                          .store = s->store,
                          .cancel = s->cancel};
    if (o->simulate)
        log_info("simulated servers", LOG_I("seed", (int64_t)o->simulation.seed));
    return fleet_run(&fleet, &s->run, s->outcomes, err);
}

static int close_log(struct setup *s, struct error *err) {
    s->log_open = false;
    return log_close(err);
}

static int write_list(const struct setup *s, int fd, const char *path, bool passed,
                      struct error *err) {
    if (fd < 0)
        return 0;
    cleanup(str_done) struct str text = {0};
    for (size_t i = 0; i < s->servers.count; i++)
        if ((s->outcomes[i].verdict == VERDICT_PASSED) == passed) {
            str_add(&text, s->outcomes[i].server);
            str_add_char(&text, '\n');
        }
    if (text.failed)
        return error_memory(err);
    /* a device or a pipe cannot be cut, and need not be */
    if ((ftruncate(fd, 0) < 0 && errno != EINVAL) || fd_write_all(fd, text.data, text.len) < 0)
        return error_os(err, ERROR_STORE, errno, "cannot write to %s", path);
    return 0;
}

static int print(const struct run_options *o, struct setup *s, struct error *err) {
    return o->json ? output_document(s->store, &s->run, s->outcomes, err)
                   : output_summary(&s->run, s->outcomes, err);
}

static bool done(int rc, const struct error *err) {
    if (rc < 0)
        cli_fail(err);
    return rc == 0;
}

/*
 * Once servers were measured, what is known of them is told, whatever goes wrong with the store,
 * the log or a list: that costs a line on standard error, before the summary, and the exit status.
 */
static int run(const struct run_options *o, char **patterns, size_t count, struct setup *s) {
    struct error err;
    if (check(o, patterns, count, s, &err) < 0 || begin(o, s, &err) < 0) {
        struct error ignored;
        (void)close_log(s, &ignored); /* its lines come before the sentence */
        return cli_fail(&err);
    }
    bool ok = done(execute(o, s, &err), &err);
    ok &= done(close_log(s, &err), &err);
    ok &= done(write_list(s, s->failed_to, o->failed_to, false, &err), &err);
    ok &= done(write_list(s, s->passed_to, o->passed_to, true, &err), &err);
    ok &= done(print(o, s, &err), &err);
    ok &= cli_flush() == 0;
    int caught = signals_caught(s->signals);
    if (!ok)
        return EXIT_STUCK;
    if (caught)
        return 128 + caught;
    return s->run.passed == s->run.total ? EXIT_PASSED : EXIT_NOT_PASSED;
}

int cmd_run(int argc, char **argv) {
    struct run_options o = {.plan = {.threshold = NAN}};
    struct setup s = {.failed_to = -1, .passed_to = -1};
    config_init(&s.config);
    int status = read_options(argc, argv, &o);
    if (status < 0)
        status = run(&o, argv + optind, (size_t)(argc - optind), &s);
    setup_done(&s);
    cli_servers_done(&o.servers);
    return status;
}
