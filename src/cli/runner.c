/*
 * runner: see runner.h.
 *
 * Everything that can be wrong in what the user gave is found before the run is written to the
 * store and before a thread is started. What is printed at the end comes from the store and the
 * totals alone; the log is closed before it, so that the summary is the last thing on a terminal.
 */
#include "cli/runner.h"

#include "base/clock.h"
#include "base/fd.h"
#include "cli/logging.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/room.h"
#include "fleet/patience.h"
#include "store/crew.h"
#include "sync/log.h"
#include "transport/command.h"
#include "transport/local.h"
#include "transport/simulated.h"
#include "transport/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOMENT (10 * CLOCK_S) /* Ctrl-C leaves a shared store so long; once more leaves none */
#define LOG_PATIENCE (30 * CLOCK_S) /* with a store, for the last lines */
#define LOG_PAUSE (100 * CLOCK_MS)

void runner_init(struct runner *r) {
    *r = (struct runner){.failed_to = -1, .passed_to = -1, .moment = MOMENT};
    run_options_init(&r->options);
    config_init(&r->config);
}

/* In the other order of what was made. */
void runner_done(struct runner *r) {
    struct error ignored;
    for (size_t i = 0; r->outcomes && i < r->servers.count; i++)
        outcome_done(&r->outcomes[i]);
    free(r->outcomes);
    transport_free(r->transport);
    store_close(r->store); /* which may have to be waited for */
    if (r->log_open)
        log_close(&ignored);
    worklog_free(r->worklog);
    progress_done(&r->progress);
    signals_stop(r->signals);
    cancel_free(r->cancel);
    fd_close(&r->failed_to);
    fd_close(&r->passed_to);
    password_free(r->password);
    plan_done(&r->plan);
    baselines_done(&r->baselines);
    servers_done(&r->servers);
    config_done(&r->config);
    run_options_done(&r->options);
    spool_done(&r->told);
}

static int ask_passphrase(const char *path, bool again, char **ret, struct error *err) {
    cleanup(str_done) struct str prompt = {0};
    str_addf(&prompt, "%sPassphrase of the key %s: ", again ? "That was wrong. " : "", path);
    return prompt.failed ? error_memory(err) : password_ask(prompt.data, ret, err);
}

static int make_ssh(struct runner *r, struct error *err) {
    const struct run_options *o = &r->options;
    struct ssh_settings settings = {
        .user = o->user ? o->user : r->config.ssh.user,
        .port = o->port ? o->port : r->config.ssh.port,
        .config_file = o->ssh_config ? o->ssh_config : r->config.ssh.config,
        .connect_timeout = r->config.ssh.connect_timeout,
        .login_timeout = r->config.ssh.login_timeout,
        .start_rate = r->config.ssh.start_rate,
        .jump_channels = r->config.ssh.jump_channels,
        .password = r->password,
        .cancel = r->cancel,
    };
    if (transport_ssh_new(&settings, &r->transport, err) < 0)
        return -1;
    return !r->unattended && password_can_ask()
               ? transport_ssh_unlock(r->transport, &r->servers, ask_passphrase, err)
               : 0;
}

static int make_transport(struct runner *r, struct error *err) {
    const struct run_options *o = &r->options;
    const char *name = o->transport ? o->transport : "ssh";
    if (o->simulate)
        return transport_simulated_new(&o->simulation, r->cancel, &r->transport, err);
    if (strcmp(name, "local") == 0)
        return transport_local_new(r->cancel, &r->transport, err);
    if (strncmp(name, "command:", 8) == 0)
        return transport_command_new(name + 8, r->cancel, &r->transport, err);
    if (strcmp(name, "ssh") == 0)
        return make_ssh(r, err);
    return error_set(err, ERROR_USAGE,
                     "the transport is ssh, local or command:TEMPLATE, not '%.40s'", name);
}

/* Opened before the run, so that a path that cannot be written is no surprise after it. */
static int open_list(const char *path, int *ret, struct error *err) {
    if (!path)
        return 0;
    *ret = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return *ret < 0 ? error_os(err, ERROR_USAGE, errno, "cannot write to %s", path) : 0;
}

static int make_outcomes(struct runner *r, struct error *err) {
    r->outcomes = calloc(r->servers.count, sizeof(*r->outcomes));
    if (!r->outcomes)
        return error_memory(err);
    for (size_t i = 0; i < r->servers.count; i++)
        r->outcomes[i] =
            (struct outcome){.server = r->servers.items[i].name, .verdict = VERDICT_CANCELLED};
    return 0;
}

int runner_prepare_end(struct runner *r, struct error *err) {
    if (open_list(r->output.failed_to, &r->failed_to, err) < 0 ||
        open_list(r->output.passed_to, &r->passed_to, err) < 0)
        return -1;
    return make_outcomes(r, err);
}

/* A misspelt label would limit nothing, in silence. */
static void warn_of_idle_limits(const struct runner *r) {
    const struct label_limits *limits = &r->plan.limits;
    for (size_t i = 0; i < limits->count; i++)
        if (!servers_have_label(&r->servers, limits->items[i].key))
            log_warning("no server has the label of a limit", LOG_S("label", limits->items[i].key));
}

int runner_watch(struct runner *r, struct signals_steps steps, struct error *err) {
    if (signals_start(steps, &r->signals, err) < 0 ||
        progress_init(&r->progress, &r->output, r->plan.benchmark_count, r->cancel, err) < 0)
        return -1;
    r->log_open = true;
    return logging_open(&r->output, &r->progress, err);
}

int runner_prepare(struct runner *r, struct error *err) {
    const struct run_options *o = &r->options;
    if (plan_make(&r->config, &o->plan, &r->plan, err) < 0 ||
        (o->ask_password && password_ask("Password: ", &r->password, err) < 0) ||
        runner_prepare_end(r, err) < 0)
        return -1;
    /* what is asked on the terminal comes before any line of the log, and Ctrl-C ends it as usual
     */
    if (cancel_new(&r->cancel, err) < 0 || make_transport(r, err) < 0 ||
        runner_watch(r, SIGNALS_END(r->cancel), err) < 0)
        return -1;
    warn_of_idle_limits(r);
    r->plan.fanout = room_for(o, &r->servers, r->servers.count, r->plan.fanout);
    return 0;
}

int runner_plan(struct runner *r, int *asked, struct error *err) {
    r->unattended = true;
    if (plan_make(&r->config, &r->options.plan, &r->plan, err) < 0 ||
        cancel_new(&r->cancel, err) < 0 || make_transport(r, err) < 0)
        return -1;
    *asked = r->plan.fanout;
    size_t total = r->until == FLEET_SHARE ? r->run.total : r->servers.count;
    r->plan.fanout = room_for(&r->options, &r->servers, total, *asked);
    return 0;
}

int runner_prepare_share(struct runner *r, int fanout, struct error *err) {
    int asked;
    r->options.plan.fanout = fanout ? fanout : r->options.plan.fanout;
    if (r->options.ask_password)
        return error_set(err, ERROR_USAGE,
                         "it was begun with --ask-password, and a worker has "
                         "nobody to ask");
    if (runner_plan(r, &asked, err) < 0)
        return -1;
    return progress_init(&r->progress, &r->output, r->plan.benchmark_count, r->cancel, err);
}

static struct ending ending_of(const struct runner *r) {
    return (struct ending){r->cancel, r->moment};
}

int runner_open_store(struct runner *r, enum store_mode mode, struct error *err) {
    return store_open_ending(r->output.store, mode, ending_of(r), &r->store, err);
}

int runner_join(struct runner *r, struct error *err) {
    const struct store_enlistment as = {
        .site = r->site, .fanout = r->plan.fanout, .lease = CREW_LEASE};
    if (store_is_shared(r->store))
        return store_join(r->store, &as, err);
    return r->site ? error_set(err, ERROR_USAGE,
                               "--site is for several controllers, which need a store on "
                               "PostgreSQL: give one with --store postgresql://...")
                   : 0;
}

int runner_baselines(struct runner *r, struct error *err) {
    if (store_baselines(r->store, &r->baselines, err) < 0)
        return -1;
    r->plan.baselines = &r->baselines;
    return 0;
}

static int close_log(struct runner *r, struct error *err) {
    r->log_open = false;
    signals_hear_out(r->signals);
    return log_close(err);
}

int runner_fail(struct runner *r, const struct error *err) {
    struct error ignored;
    (void)close_log(r, &ignored);
    int status = cli_fail(err), caught = r->signals ? signals_caught(r->signals) : 0;
    return caught ? 128 + caught : status;
}

/* What `muster log` reads: a file beside the store, or of this process's own. */
int runner_open_log(struct runner *r, struct error *err) {
    enum log_level level = r->output.verbose ? LOG_DEBUG : LOG_INFO;
    if (!log_thread_run())
        log_name_run(r->run.id);
    if (store_is_shared(r->store))
        return worklog_begin(r->store, r->run.id, &r->worklog, err) < 0
                   ? -1
                   : log_add_run_file(worklog_path(r->worklog), r->run.id, LOG_JSON, level, err);
    cleanup(free_ptr) char *path = store_log_path(r->store, r->run.id);
    return path ? log_add_file(path, LOG_JSON, level, err) : error_memory(err);
}

/* A store that is away just then is waited for, for a while: the file is as good. */
static int put_log_away(struct runner *r, struct error *err) {
    const struct ending ending = ending_of(r);
    int64_t limit = deadline_in(LOG_PATIENCE);
    while (worklog_end(r->store, r->worklog, err) < 0) {
        struct timespec pause = deadline_timespec(deadline_in(LOG_PAUSE));
        if (err->os != ECONNRESET || clock_now() >= limit || ending_passed(&ending))
            return -1;
        pulse_beat(r->pulse);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &pause, NULL);
    }
    return 0;
}

void runner_adopt_logs(struct store *s) {
    struct error err;
    if (worklog_adopt(s, &err) < 0 &&
        err.os != ECONNRESET) /* a store that is away is told by others */
        log_warning("logs that other workers have left here cannot be written into the store",
                    LOG_S("detail", err.text));
}

/* What this process has said of a shared run is in the store, then, or in a file that stays. */
static void end_worklog(struct runner *r) {
    struct error err;
    if (!r->worklog)
        return;
    log_drop_file(worklog_path(r->worklog));
    log_flush(DEADLINE_NEVER);
    if (put_log_away(r, &err) < 0)
        log_warning("not all of the log is in the store: the next worker on this machine takes "
                    "what is left there",
                    LOG_S("file", worklog_path(r->worklog)), LOG_S("detail", err.text));
    else
        runner_adopt_logs(r->store);
    worklog_free(TAKE(r->worklog));
}

int runner_execute(struct runner *r, struct error *err) {
    struct fleet fleet = {.plan = &r->plan,
                          .transport = r->transport,
                          .store = r->store,
                          .log = r->worklog,
                          .cancel = r->cancel,
                          .ending = ending_of(r),
                          .drain = r->drain,
                          .grace = r->grace,
                          .pulse = r->pulse,
                          .slots = r->slots,
                          .until = r->until,
                          .board = r->progress.board,
                          .progress = progress_period(&r->progress)};
    if (r->resumed)
        log_info("run resumed", LOG_S("run", r->run.id),
                 LOG_I("judged", (int64_t)(r->run.total - r->run.cancelled)));
    if (r->options.simulate)
        log_info("simulated servers", LOG_I("seed", (int64_t)r->options.simulation.seed));
    store_end_with(r->store, ending_of(r));
    int rc = fleet_run(&fleet, &r->run, r->outcomes, err);
    end_worklog(r);
    log_footer(FOOTER_HIDE);
    log_flush(DEADLINE_NEVER); /* what is said next, on standard error, comes after it */
    return rc;
}

static int write_list(const struct runner *r, int fd, const char *path, bool passed,
                      struct error *err) {
    if (fd < 0)
        return 0;
    cleanup(str_done) struct str text = {0};
    for (size_t i = 0; i < r->servers.count; i++)
        if ((r->outcomes[i].verdict == VERDICT_PASSED) == passed) {
            str_add(&text, r->outcomes[i].server);
            str_add_char(&text, '\n');
        }
    if (text.failed)
        return error_memory(err);
    /* a device or a pipe cannot be cut, and need not be */
    if ((ftruncate(fd, 0) < 0 && errno != EINVAL) || fd_write_all(fd, text.data, text.len) < 0)
        return error_os(err, ERROR_STORE, errno, "cannot write to %s", path);
    return 0;
}

static int print(const struct runner *r, FILE *to, struct error *err) {
    return r->output.json ? output_document(to, r->store, &r->run, r->outcomes, err)
                          : output_summary(to, r->store, &r->run, r->outcomes, err);
}

static int compose(struct runner *r, struct error *err) {
    struct error failed;
    spool_done(&r->told);
    if (spool_begin(&r->told, err) < 0)
        return -1;
    int rc = print(r, r->told.out, err);
    return spool_end(&r->told, rc < 0 ? &failed : err) < 0 ? -1 : rc;
}

/* Half a document is none; a summary says of all servers what is known. */
int runner_compose(struct runner *r, struct error *err) {
    const struct ending ending = ending_of(r);
    struct patience patience = {.pulse = r->pulse};
    int rc;
    if (!store_is_shared(r->store))
        return 0;
    do
        rc = compose(r, err);
    while (!patience_answered(&patience, &ending, rc, err));
    if (rc < 0 && r->output.json)
        spool_done(&r->told);
    r->composed = true;
    return rc;
}

static bool done(int rc, const struct error *err) {
    if (rc < 0)
        cli_fail(err);
    return rc == 0;
}

void runner_let_go(struct runner *r) {
    store_release(r->store);
    r->run.holder = (struct holder){0};
    r->run.workers = 0;
    r->run.open = false;
}

int runner_tell(struct runner *r, bool ok) {
    struct error err;
    ok &= done(write_list(r, r->failed_to, r->output.failed_to, false, &err), &err);
    ok &= done(write_list(r, r->passed_to, r->output.passed_to, true, &err), &err);
    int rc = r->composed ? spool_copy(&r->told, stdout, &err) : print(r, stdout, &err);
    ok &= done(rc, &err);
    ok &= cli_flush() == 0;
    int caught = r->signals ? signals_caught(r->signals) : 0;
    if (!ok)
        return EXIT_STUCK;
    if (caught)
        return 128 + caught;
    return r->run.passed == r->run.total ? EXIT_PASSED : EXIT_NOT_PASSED;
}

/*
 * Once servers were measured, what is known of them is told, whatever goes wrong with the store,
 * the log or a list: that costs a line on standard error, before the summary, and the exit status.
 */
int runner_go(struct runner *r) {
    struct error err;
    if (runner_open_log(r, &err) < 0)
        return runner_fail(r, &err);
    bool ok = done(runner_execute(r, &err), &err);
    if (store_is_shared(r->store)) { /* where nobody waits for its log to be let go */
        runner_let_go(r);
        ok &= done(runner_compose(r, &err), &err);
    }
    ok &= done(close_log(r, &err), &err);
    runner_let_go(r);
    return runner_tell(r, ok);
}
