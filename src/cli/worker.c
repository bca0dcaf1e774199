/*
 * worker: `muster worker`. Takes its share of every run that the store has until it is told to end.
 * Several workers differ in nothing but their number, so one that dies is replaced by any other.
 *
 * A run is worked on by a loop in a thread of its own (cli/workloop). There is one, until the runs
 * in hand leave slots that they have no use for, because the last servers of one take long or
 * limits hold others back: then there is one more, which looks for another run, the oldest first,
 * and so on up to ROSTER_MOST. The main thread starts them, feels their pulse and waits for their
 * end.
 *
 * What ends it is a token, and the time after it. Signals fire `drain` and, when the grace is over
 * or with the second one, those of all shares. The store is waited for without an end before that,
 * and for WORKLOOP_MOMENT afterwards: what cannot be handed in then is another worker's, after the
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
#include "cli/kept.h"
#include "cli/logging.h"
#include "cli/workloop.h"
#include "serve/probe.h"
#include "sync/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GRACE (60 * CLOCK_S)
#define LOOK CLOCK_S             /* between two looks at the loops, at most */
#define SHORTEST (10 * CLOCK_MS) /* and at least, where one is overdue */

static const char help[] =
    "usage: muster worker [OPTIONS]\n\n"
    "Takes its share of the runs in a store on PostgreSQL: claims servers, benchmarks them and\n"
    "writes their results, beside any number of other workers, until it is told to end. Where it\n"
    "has few of one run left, it turns to the next run as well.\n"
    "SIGTERM or Ctrl-C: it claims no more and ends when what it measures is done, at the latest\n"
    "after --grace, or 2 s later where the store does not answer; a second one ends its sessions\n"
    "at once.\n\n"
    "      --store URL          where the runs are: postgresql://...\n"
    "      --site SITE          claim servers of this site only, and those of none\n"
    "      --run RUN            of this run only; RUN may be `last`\n"
    "  -f, --fanout N           servers worked on at once, of all runs (as each run says)\n"
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

struct worker {
    struct workplace place;
    const char *probe_address;
    char *log_file;      /* owned, where the one that was given is relative */
    struct cancel *stop; /* ends the sessions of all runs in hand */
    bool ended;          /* it has */
    struct signals *signals;
    struct progress progress; /* of nothing: each share has its own */
    struct probe *probe;
    struct workloop *loops[ROSTER_MOST];
    size_t loop_count;
    bool failed; /* a loop has, which ends the others */
    struct error why;
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
        w->place.as.site = value;
        return 0;
    case ONLY:
        w->place.only = value;
        return 0;
    case 'f':
        return cli_number("the fan-out", value, 1, 100000, &w->place.fanout, err);
    case IDLE:
        w->place.exit_when_idle = true;
        return 0;
    case GRACE_OPTION:
        return read_duration("the grace", value, 0, &w->place.grace, err);
    case LEASE:
        return read_duration("the lease", value, CREW_LEASE_MIN, &w->place.as.lease, err);
    case PROBE:
        w->probe_address = value;
        return 0;
    default:
        return run_output_take(&w->place.output, c, value, err) < 0 ? -1 : 0;
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
    w->place.as.fanout = w->place.fanout;
    return -1;
}

/* ---- the loops ------------------------------------------------------------------------------- */

/* Why the worker ends is what ended the first of them; the others end what they have begun. */
static void reap(struct worker *w) {
    for (size_t i = 0; i < w->loop_count; i++) {
        struct error err;
        if (!workloop_has_ended(w->loops[i]))
            continue;
        if (workloop_end(w->loops[i], &err) < 0 && !w->failed) {
            w->failed = true;
            w->why = err;
            cancel_fire(w->place.drain);
        }
        w->loops[i--] = w->loops[--w->loop_count];
    }
}

static bool is_ending(const struct worker *w) {
    return cancel_fired(w->place.drain) || atomic_load(&w->place.idle);
}

/* Fails only where there is no loop at all: one more is better, and no more than that. */
static int staff(struct worker *w, struct error *err) {
    if (is_ending(w) || w->loop_count == ROSTER_MOST || !roster_lacks(w->place.roster))
        return 0;
    int rc = workloop_start(&w->place, &w->loops[w->loop_count], err);
    w->loop_count += rc == 0;
    return w->loop_count > 0 ? 0 : rc;
}

static void feel(struct worker *w) {
    struct pulse *parts[ROSTER_MOST];
    for (size_t i = 0; i < w->loop_count; i++)
        parts[i] = workloop_pulse(w->loops[i]);
    pulse_gather(w->place.pulse, parts, w->loop_count);
}

/* Until the bell rings, or there may be something to see. */
static void await_bell(struct worker *w) {
    struct pollfd p[] = {{.fd = w->place.bell, .events = POLLIN},
                         {.fd = w->ended ? -1 : cancel_fd(w->stop), .events = POLLIN}};
    int64_t left = deadline_min(LOOK, pulse_due(w->place.pulse) - clock_now());
    struct timespec t = deadline_timespec(left > SHORTEST ? left : SHORTEST);
    eventfd_t rung;
    ppoll(p, ARRAY_LEN(p), &t, NULL);
    (void)!eventfd_read(w->place.bell, &rung);
    if (!w->ended && cancel_fired(w->stop)) {
        roster_end_all(w->place.roster);
        w->ended = true;
    }
}

/* Until it is told to end, or there is nothing left to do. */
static int work(struct worker *w, struct error *err) {
    int rc;
    for (;;) {
        reap(w);
        rc = staff(w, err);
        feel(w);
        if (w->loop_count == 0 && (rc < 0 || is_ending(w)))
            break;
        await_bell(w);
    }
    if (w->failed)
        *err = w->why;
    return w->failed ? -1 : rc;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int make_place(struct workplace *p, struct error *err) {
    p->as.started = clock_wall();
    p->home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->home < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot open the folder that this is started in");
    p->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->bell < 0)
        return error_os(err, ERROR_INTERNAL, errno, "cannot make a descriptor to wait for");
    if (cancel_new(&p->drain, err) < 0 || pulse_new(p->drain, &p->pulse, err) < 0)
        return -1;
    return roster_new(p->only ? 1 : ROSTER_MOST, &p->roster, err);
}

static int begin(struct worker *w, struct error *err) {
    struct run_output *output = &w->place.output;
    output->no_progress = true; /* a display would be of one run among many */
    if (cli_shared_store(output->store, err) < 0 ||
        kept_absolute(&output->log_file, &w->log_file, err) < 0 || make_place(&w->place, err) < 0 ||
        cancel_new(&w->stop, err) < 0)
        return -1;
    const struct signals_steps steps = {
        .fire = {w->place.drain, w->stop},
        .says =
            {"ending: claiming no more servers, waiting for those that are measured; once more to "
             "end their sessions",
             "ending sessions, giving back what was not measured; once more to exit at once"},
        .grace = w->place.grace};
    if (signals_start(steps, &w->signals, err) < 0 || logging_open(output, &w->progress, err) < 0)
        return -1;
    log_say_run();
    return w->probe_address ? probe_start(w->probe_address, w->place.pulse, &w->probe, err) : 0;
}

static void worker_done(struct worker *w) {
    struct error ignored;
    probe_stop(w->probe);
    (void)!log_close(&ignored);
    signals_stop(w->signals);
    roster_free(w->place.roster);
    pulse_free(w->place.pulse);
    cancel_free(w->stop);
    cancel_free(w->place.drain);
    fd_close(&w->place.bell);
    fd_close(&w->place.home);
    free(w->log_file);
}

static int run_worker(struct worker *w) {
    struct error err, closing;
    bool ok = begin(w, &err) == 0 && work(w, &err) == 0;
    if (ok)
        log_info("worker ended");
    bool left = atomic_load(&w->place.idle) && roster_passed_over(w->place.roster);
    int status = left ? EXIT_STUCK : EXIT_PASSED;
    signals_hear_out(w->signals);
    if (log_close(&closing) < 0)
        status = cli_fail(&closing);
    return ok ? status : cli_fail(&err);
}

static int cmd_worker(int argc, char **argv) {
    struct worker w = {.place = {.grace = GRACE, .as.lease = CREW_LEASE, .home = -1, .bell = -1}};
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
