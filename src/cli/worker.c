/*
 * worker: `muster worker`. Takes its share of every run that the store has, one run after the
 * other, until it is told to end.
 *
 * A share begins where `muster resume` would: the run is read as it was begun, and what is pending
 * of it is claimed and run until there is nothing left that this worker may claim (fleet). Several
 * workers differ in nothing but their number, so one that dies is replaced by any other.
 *
 * What ends it is a token, and the time after it. Signals fire `drain` and, when the grace is over
 * or with the second one, the token of the share. The store is waited for without an end before
 * that, and for MOMENT afterwards: what cannot be handed in then is another worker's, after the
 * lease.
 *
 * Three things must not end it. A store that is away is waited for (fleet/patience). A run that
 * cannot be worked on here, because a newer muster began it or a key is not there, is said in the
 * log and passed over for a while, so that it keeps nobody from the others. And a run that ends
 * early fires a token that is its own.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/units.h"
#include "base/vec.h"
#include "cli/kept.h"
#include "cli/logging.h"
#include "fleet/patience.h"
#include "serve/probe.h"
#include "store/crew.h"
#include "sync/log.h"
#include "sync/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GRACE (60 * CLOCK_S)
#define MOMENT (2 * CLOCK_S)     /* for a store that does not answer, when the grace is over */
#define PASS_OVER (60 * CLOCK_S) /* a run that cannot be worked on here */
#define AWAIT_FIRST CLOCK_S      /* for something to do; then twice as long, up to */
#define AWAIT_LONGEST (10 * CLOCK_S)
#define SAME_AGAIN CLOCK_S /* a share that took less and is offered again is waited with */

static const char help[] =
    "usage: muster worker [OPTIONS]\n\n"
    "Takes its share of the runs in a store on PostgreSQL: claims servers, benchmarks them and\n"
    "writes their results, beside any number of other workers, until it is told to end.\n"
    "SIGTERM or Ctrl-C: it claims no more and ends when what it measures is done, at the latest\n"
    "after --grace, or 2 s later where the store does not answer; a second one ends its sessions\n"
    "at once.\n\n"
    "      --store URL          where the runs are: postgresql://...\n"
    "      --site SITE          claim servers of this site only, and those of none\n"
    "      --run RUN            of this run only\n"
    "  -f, --fanout N           servers worked on at once (as the run says)\n"
    "      --exit-when-idle     end when nothing is left to claim, nor claimed by another worker\n"
    "      --grace DURATION     what it measures may take so long to end (60s)\n"
    "      --lease DURATION     after so long without a word of it others take over what it has\n"
    "                           claimed (30s)\n"
    "      --probe WHERE        answer GET /live and GET /ready there, for who supervises "
    "it\n" RUN_LOG_HELP "  -q, --quiet              log nothing on standard error\n"
    "      --help               this text\n\n"
    "Exit status: 0 all that it measured was handed in, and the rest given back; 2 wrong usage,\n"
    "3 muster could not go on, 128+N ended at once by signal N.\n";

enum { SITE = RUN_OWN, ONLY, IDLE, GRACE_OPTION, LEASE, PROBE };

static const struct option options[] = {
    {"site", required_argument, NULL, SITE},
    {"run", required_argument, NULL, ONLY},
    {"fanout", required_argument, NULL, 'f'},
    {"exit-when-idle", no_argument, NULL, IDLE},
    {"grace", required_argument, NULL, GRACE_OPTION},
    {"lease", required_argument, NULL, LEASE},
    {"probe", required_argument, NULL, PROBE},
    RUN_LOG_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* A run that this worker leaves alone for a while. */
struct passed_over {
    char run[RUN_ID_SIZE];
    int64_t until;
};

struct worker {
    /* as it was told */
    struct run_output output;
    struct store_enlistment as;
    const char *only; /* the run, or NULL; then its id */
    char only_id[RUN_ID_SIZE];
    const char *probe_address;
    int fanout; /* 0: as each run says */
    bool exit_when_idle;
    int64_t grace;

    char *log_file; /* owned, where the one that was given is relative */
    int home;       /* the folder that it was started in */
    struct cancel *drain;
    struct signals *signals;
    struct progress progress; /* of nothing: each share has its own */
    struct pulse *pulse;
    struct probe *probe;

    struct store *store; /* NULL: not open yet */
    bool joined;
    struct patience patience;
    int64_t await; /* how long it waits for something to do */
    char last[RUN_ID_SIZE];
    int64_t last_begun;
    struct passed_over *passed_over;
    size_t passed_count, passed_cap;
    bool unsaved; /* not all that was measured could be handed in */
    bool idle;    /* there is nothing left, and it was told to end then */
};

/* ---- options ------------------------------------------------------------------------------- */

static int read_duration(const char *what, const char *value, int64_t least, int64_t *ret,
                         struct error *err) {
    if (duration_parse_zero(value, ret, err) < 0)
        return -1;
    if (*ret < least)
        return error_set(err, ERROR_USAGE, "%s is at least %llds, not '%.40s'", what,
                         (long long)(least / CLOCK_S), value);
    return 0;
}

static int take(struct worker *w, int c, const char *value, struct error *err) {
    switch (c) {
    case SITE:
        w->as.site = value;
        return 0;
    case ONLY:
        w->only = value;
        return 0;
    case 'f':
        return cli_number("the fan-out", value, 1, 100000, &w->fanout, err);
    case IDLE:
        w->exit_when_idle = true;
        return 0;
    case GRACE_OPTION:
        return read_duration("the grace", value, 0, &w->grace, err);
    case LEASE:
        return read_duration("the lease", value, CREW_LEASE_MIN, &w->as.lease, err);
    case PROBE:
        w->probe_address = value;
        return 0;
    default:
        return run_output_take(&w->output, c, value, err) < 0 ? -1 : 0;
    }
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct worker *w) {
    int c;
    struct error err;
    while ((c = cli_getopt(argc, argv, "f:" RUN_OUTPUT_LETTERS, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == RUN_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (take(w, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    if (optind < argc)
        return cli_usage("`muster worker` takes no argument '%.40s'", argv[optind]);
    w->as.fanout = w->fanout;
    return -1;
}

/* ---- runs that it leaves alone --------------------------------------------------------------- */

static bool is_passed_over(const struct worker *w, const char *run) {
    for (size_t i = 0; i < w->passed_count; i++)
        if (strcmp(w->passed_over[i].run, run) == 0)
            return clock_now() < w->passed_over[i].until;
    return false;
}

static int pass_over(struct worker *w, const char *run, const char *why, struct error *err) {
    struct passed_over *p = w->passed_over;
    size_t i = 0;
    log_error("the run cannot be worked on here: passing it over for a minute", LOG_S("run", run),
              LOG_S("detail", why));
    while (i < w->passed_count && strcmp(p[i].run, run) != 0)
        i++;
    if (i == w->passed_count &&
        vec_reserve(&w->passed_over, &w->passed_cap, ++w->passed_count, sizeof(*p)) < 0)
        return error_memory(err);
    snprintf(w->passed_over[i].run, sizeof(w->passed_over[i].run), "%s", run);
    w->passed_over[i].until = deadline_in(PASS_OVER);
    return 0;
}

/* The oldest run with something to do that is not passed over; the store offers the oldest. */
static int find_another(struct worker *w, char ret[RUN_ID_SIZE], struct error *err) {
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n = 0;
    int found = 0;
    if (store_runs(w->store, &runs, &n, err) < 0)
        return -1;
    while (n-- > 0 && found == 0)
        if ((runs[n].cancelled > 0 || !runs[n].judged) && !is_passed_over(w, runs[n].id))
            found = store_find_work(w->store, runs[n].id, ret, err);
    return found;
}

static int find_work(struct worker *w, char ret[RUN_ID_SIZE], struct error *err) {
    int found = store_find_work(w->store, w->only ? w->only_id : NULL, ret, err);
    if (found <= 0 || !is_passed_over(w, ret))
        return found;
    return w->only ? 0 : find_another(w, ret, err);
}

/* ---- a share of a run ------------------------------------------------------------------------ */

/* Reads the run as it was begun. Returns 1 when that is of no use here, with why in *mistakes. */
static int read_run(struct worker *w, struct runner *r, struct store_recipe *recipe,
                    struct str *mistakes, struct error *err) {
    if (kept_options(r, recipe) >= 0)
        return 1;
    if (kept_config(r, recipe, err) == 0 && runner_prepare_share(r, w->fanout, err) == 0)
        return 0;
    str_add(mistakes, mistakes->len && *err->text ? "; " : "");
    str_add(mistakes, err->text);
    return 1;
}

static int do_share(struct worker *w, struct runner *r, const char *run, struct error *err) {
    cleanup(store_recipe_done) struct store_recipe recipe = {0};
    cleanup(str_done) struct str mistakes = {0};
    if (kept_hold(r, run, &recipe, err) < 0)
        return err->kind == ERROR_USAGE ? pass_over(w, run, err->text, err) : -1;
    cli_collect(&mistakes);
    int rc = read_run(w, r, &recipe, &mistakes, err);
    cli_collect(NULL);
    if (rc > 0)
        return pass_over(w, run, mistakes.failed || !mistakes.len ? "" : mistakes.data, err);
    if (runner_baselines(r, err) < 0 || runner_open_log(r, err) < 0)
        return -1;
    signals_aim(w->signals, 1, r->cancel);
    rc = runner_execute(r, err);
    signals_aim(w->signals, 1, NULL);
    if (rc == 0 || err->os != ECONNRESET)
        return rc;
    w->unsaved = true;
    return error_prefix(err, "not all of its share of the run %s is in the store", run);
}

static struct ending ending_of(const struct worker *w) {
    return (struct ending){w->drain, MOMENT};
}

static int share(struct worker *w, const char *run, struct error *err) {
    struct runner r;
    runner_init(&r);
    r.output = w->output;
    r.store = w->store;
    r.until = FLEET_SHARE;
    r.drain = w->drain;
    r.grace = w->grace;
    r.moment = MOMENT;
    r.pulse = w->pulse;
    log_name_run(run);
    int rc = do_share(w, &r, run, err);
    log_name_run(NULL);
    store_end_with(w->store, ending_of(w)); /* the share's token goes with it */
    store_release(w->store);
    r.store = NULL; /* the worker's */
    runner_done(&r);
    if (fchdir(w->home) < 0 && rc == 0)
        rc = error_os(err, ERROR_STORE, errno, "cannot go back to where the worker was started");
    return rc;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int join(struct worker *w, struct error *err) {
    if (!w->store &&
        store_open_ending(w->output.store, STORE_CREATE, ending_of(w), &w->store, err) < 0)
        return -1;
    struct run run = {0};
    if (w->only && store_run(w->store, w->only, &run, err) < 0) /* it may be `last` */
        return -1;
    if (store_join(w->store, &w->as, err) < 0)
        return -1;
    snprintf(w->only_id, sizeof(w->only_id), "%s", run.id);
    w->joined = true;
    runner_adopt_logs(w->store);
    log_info("worker ready", LOG_S("site", w->as.site),
             LOG_F("lease", (double)w->as.lease / CLOCK_S));
    return 0;
}

/* A word to the store is due before the lease is over. */
static void await_work(struct worker *w) {
    int64_t most = deadline_min(AWAIT_LONGEST, w->as.lease / 3);
    int64_t until = deadline_in(deadline_min(w->await, most));
    store_await(w->store, w->drain, deadline_min(until, pulse_due(w->pulse)));
    w->await = deadline_min(2 * w->await, AWAIT_LONGEST);
}

/*
 * Nothing is left, either, that would come to this worker if another one died. What was passed over
 * never comes.
 */
static int see_whether_idle(struct worker *w, struct error *err) {
    bool may_come;
    if (store_may_come(w->store, w->only ? w->only_id : NULL, &may_come, err) < 0)
        return -1;
    w->idle = !may_come || w->passed_count > 0;
    return 0;
}

/* One that ended at once and is offered again has work that is not for this worker yet. */
static bool is_offered_again(const struct worker *w, const char *run) {
    return strcmp(w->last, run) == 0 && clock_now() - w->last_begun < SAME_AGAIN;
}

static int come_round(struct worker *w, struct error *err) {
    char run[RUN_ID_SIZE];
    if (!w->joined && join(w, err) < 0)
        return -1;
    int found = find_work(w, run, err);
    if (found < 0)
        return -1;
    if (found == 0) {
        if (w->exit_when_idle && see_whether_idle(w, err) < 0)
            return -1;
        if (!w->idle)
            await_work(w);
        return 0;
    }
    if (is_offered_again(w, run))
        await_work(w);
    else
        w->await = AWAIT_FIRST;
    snprintf(w->last, sizeof(w->last), "%s", run);
    w->last_begun = clock_now();
    return share(w, run, err);
}

/* Until it is told to end, or there is nothing left to do. */
static int work(struct worker *w, struct error *err) {
    const struct ending ending = ending_of(w);
    while (!w->idle && !cancel_fired(w->drain)) {
        pulse_beat(w->pulse);
        int rc = come_round(w, err);
        if (patience_answered(&w->patience, &ending, rc, err) && rc < 0)
            return cancel_fired(w->drain) && err->os == ECONNRESET && !w->unsaved ? 0 : -1;
    }
    return 0;
}

/* What it has claimed and not measured is given back; without a store, when its lease is over. */
static int leave(struct worker *w, struct error *err) {
    const struct ending ending = ending_of(w);
    int rc;
    pulse_beat(w->pulse);
    if (!w->joined)
        return 0;
    do
        rc = store_leave(w->store, err);
    while (!patience_answered(&w->patience, &ending, rc, err));
    if (rc == 0 || err->os != ECONNRESET || !cancel_fired(w->drain))
        return rc;
    log_warning("the store does not answer: others take over what this worker held when its lease "
                "is over",
                LOG_S("detail", err->text));
    return 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int begin(struct worker *w, struct error *err) {
    w->output.no_progress = true; /* a display would be of one run among many */
    if (cli_shared_store(w->output.store, err) < 0 ||
        kept_absolute(&w->output.log_file, &w->log_file, err) < 0)
        return -1;
    w->home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->home < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot open the folder that this is started in");
    if (cancel_new(&w->drain, err) < 0 || pulse_new(w->drain, &w->pulse, err) < 0)
        return -1;
    const struct signals_steps steps = {
        .fire = {w->drain, NULL},
        .says =
            {"ending: claiming no more servers, waiting for those that are measured; once more to "
             "end their sessions",
             "ending sessions, giving back what was not measured; once more to exit at once"},
        .grace = w->grace};
    if (signals_start(steps, &w->signals, err) < 0 ||
        logging_open(&w->output, &w->progress, err) < 0)
        return -1;
    log_say_run();
    w->patience.pulse = w->pulse;
    return w->probe_address ? probe_start(w->probe_address, w->pulse, &w->probe, err) : 0;
}

static void worker_done(struct worker *w) {
    struct error ignored;
    probe_stop(w->probe);
    store_close(w->store);
    (void)!log_close(&ignored);
    signals_stop(w->signals);
    pulse_free(w->pulse);
    cancel_free(w->drain);
    fd_close(&w->home);
    free(w->log_file);
    free(w->passed_over);
}

static int run_worker(struct worker *w) {
    struct error err, closing;
    bool ok = begin(w, &err) == 0 && work(w, &err) == 0;
    if (ok)
        ok = leave(w, &err) == 0;
    if (ok)
        log_info("worker ended");
    bool left = w->idle && w->passed_count > 0;
    int status = left ? EXIT_STUCK : EXIT_PASSED;
    if (log_close(&closing) < 0)
        status = cli_fail(&closing);
    return ok ? status : cli_fail(&err);
}

static int cmd_worker(int argc, char **argv) {
    struct worker w = {.grace = GRACE, .as.lease = CREW_LEASE, .home = -1, .await = AWAIT_FIRST};
    int status = read_options(argc, argv, &w);
    if (status < 0)
        status = run_worker(&w);
    worker_done(&w);
    return status;
}

const struct cli_command command_worker = {
    .name = "worker",
    .about = "take a share of the runs in a shared store",
    .run = cmd_worker,
    .help = help,
    .options = options,
};
