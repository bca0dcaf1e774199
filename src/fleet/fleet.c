/*
 * fleet: see fleet.h.
 *
 * A job is one attempt at one server. Two batches more servers than there are workers are in hand
 * at any time: while one is being written, workers find the next, and the memory in use does not
 * grow with the fleet. Each turn of the orchestrator is one transaction: it hands in whatever
 * results came within a moment and claims as many servers as there is room for. The slower the
 * disk, the larger the batch; on a fast one the moment keeps servers that end one by one from
 * costing a transaction each.
 *
 * A server that is to be tried again waits here, at no worker's expense, and is submitted behind
 * the others when its pause is over. When the run ends first it keeps no verdict.
 */
#include "fleet/fleet.h"

#include "base/clock.h"
#include "base/units.h"
#include "bench/bootstrap.h"
#include "exec/pool.h"
#include "fleet/attempt.h"
#include "fleet/crew.h"
#include "fleet/judgement.h"
#include "fleet/longest.h"
#include "fleet/waiting.h"
#include "live/line.h"
#include "policy/judge.h"
#include "report/serverlist.h"
#include "store/crew.h"
#include "sync/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 2048 /* results in one transaction, at most: the disk is waited for once */
#define MOMENT (100 * CLOCK_MS) /* in which a first result waits for others of its batch */
#define STACK (512 * 1024)      /* of a worker; only what is touched costs memory */
#define LOOK CLOCK_S            /* between two looks at a run that others share */
#define AGENT_RUN_SIZE (RUN_ID_SIZE + 24)
#define TAKEN_OVER_WAIT (5 * 60 * CLOCK_S) /* for the agent of a worker that is thought dead */

/* The orchestrator's own. */
struct collector {
    const struct fleet *f;
    struct run *run;
    struct outcome *outcomes;
    struct pool *pool;
    struct completed *completed;
    struct attempts attempts;
    struct waiting waiting;
    struct judgement *judgement;
    size_t in_hand; /* servers that are submitted or wait for their next attempt */
    size_t depth;   /* how many may be in hand at a time */
    size_t errors;  /* verdicts of this sitting */
    size_t left;    /* servers whose agents linger */
    int64_t start;
    int64_t progress;     /* when the next line of the log says how far the run is */
    double before;        /* seconds that were spent in earlier sittings */
    bool more;            /* the store may have pending servers */
    bool shared;          /* the run is, with other workers */
    bool log_stuck;       /* that the log does not get into the store was said */
    bool ending;          /* it claims no more, and lets what runs come to its end */
    int64_t ending_until; /* no longer than that */
    int64_t deadline;     /* of the run */
    int64_t ask;          /* the store, without a result to hand in */
    bool held_back;       /* servers wait for a place that the limits leave */
    bool told;            /* that there is nothing to do until then */
    struct patience patience;
    struct crew_view view;
    size_t *positions;          /* room for `depth` */
    struct store_result *batch; /* room for `depth` */
};

static int submit(struct collector *c, struct attempt *a, struct error *err) {
    struct future *future;
    return pool_submit(c->pool, attempt_run, a, c->completed, &future, err);
}

static int submit_first(struct collector *c, size_t position, struct error *err) {
    struct attempt *a;
    if (attempt_new(&c->attempts, &c->f->servers->items[position], position, &a, err) < 0)
        return -1;
    if (submit(c, a, err) < 0) {
        attempt_free(a);
        return -1;
    }
    c->in_hand++;
    return 0;
}

/* A job that has no result has an error: cancelled before it began, or out of memory. */
static struct server_result *result_of_error(const struct error *why) {
    struct server_result *r = calloc(1, sizeof(*r));
    if (r)
        judge_server(why, r);
    return r;
}

static const char *interrupted = "the run ended before its turn";

static struct server_result *take_result(struct future *future) {
    void *result = NULL;
    struct error why;
    if (future_result(future, DEADLINE_NEVER, &result, &why) == 0)
        return result;
    if (future_cancelled(future))
        error_set(&why, ERROR_INTERRUPTED, "%s", interrupted);
    return result_of_error(&why);
}

static void report_server(const char *name, const struct server_result *r) {
    log_bind("server", name);
    if (r->verdict == VERDICT_PASSED)
        log_info("server passed", LOG_S("verdict", verdict_name(r->verdict)),
                 LOG_F("seconds", r->seconds),
                 LOG_S("flaky", server_result_flaky(r) ? "true" : NULL));
    else
        log_at(r->verdict == VERDICT_CANCELLED ? LOG_WARNING : LOG_ERROR, "server failed",
               LOG_S("verdict", verdict_name(r->verdict)), LOG_S("reason", reason_name(r->reason)),
               LOG_S("detail", r->detail), LOG_F("seconds", r->seconds));
    log_unbind("server");
}

/* Of a share that ends, no more than that others may claim the server. */
static void report_returned(const char *name) {
    log_debug("server given back", LOG_S("server", name));
}

/* Nobody's result: another worker has the server. */
static void report_refused(const char *name, const struct server_result *r) {
    log_warning("result refused: another worker has taken the server over", LOG_S("server", name),
                LOG_S("verdict", verdict_name(r->verdict)));
}

/* Nothing is begun any more. */
static bool is_ending(const struct collector *c) {
    return c->ending || cancel_fired(c->f->cancel);
}

/* Whether the server waits for its next attempt now, and its result with it. */
static bool wait_for_another(struct collector *c, struct attempt *a, struct server_result *r) {
    if (!attempt_has_another(a, r))
        return false;
    if (is_ending(c)) {
        attempt_interrupt(r);
        return false;
    }
    attempt_next(a, r);
    a->last = r;
    if (waiting_add(&c->waiting, a) == 0) {
        board_again(c->f->board, a->due);
        return true;
    }
    a->last = NULL; /* and the last attempt stands */
    return false;
}

/* The server has come to its end. Returns false when there was no memory for even its error. */
static bool finish(struct collector *c, struct attempt *a, struct server_result *r,
                   struct store_result *ret) {
    *ret = (struct store_result){.position = a->position, .result = r};
    c->in_hand--;
    attempt_free(a);
    return r != NULL;
}

/* Takes one future that is done. Returns whether there is a result in *ret. */
static bool collect_one(struct collector *c, struct future *future, struct store_result *ret) {
    struct attempt *a = future_arg(future);
    struct server_result *r = take_result(future);
    future_free(future);
    return (!r || !wait_for_another(c, a, r)) && finish(c, a, r, ret);
}

/*
 * Submits those whose pause is over; when the run is ending, all that wait end with it. Returns how
 * many results there are of that.
 */
static size_t wake(struct collector *c) {
    bool ending = is_ending(c);
    int64_t now = ending ? DEADLINE_NEVER : clock_now();
    struct attempt *a;
    size_t n = 0;
    while ((a = waiting_take(&c->waiting, now))) {
        struct server_result *last = TAKE(a->last);
        struct error ignored;
        if (ending)
            attempt_interrupt(last);
        else if (submit(c, a, &ignored) == 0) {
            server_result_free(last);
            continue;
        } /* else no thread is to be had, and the last attempt stands */
        n += finish(c, a, last, &c->batch[n]);
    }
    return n;
}

/*
 * Waits for at least one result and takes all that come within a moment of it, up to a batch.
 * Returns how many; 0 when the deadline or somebody's pause is over.
 */
static size_t collect(struct collector *c, int64_t deadline) {
    size_t n = wake(c);
    int64_t moment = DEADLINE_NEVER;
    while (n < BATCH && c->in_hand > c->waiting.count) {
        if (n > 0 && moment == DEADLINE_NEVER)
            moment = deadline_in(MOMENT);
        int64_t until = deadline_min(deadline, deadline_min(moment, waiting_next(&c->waiting)));
        struct future *future = completed_next(c->completed, until);
        if (!future)
            return n;
        n += collect_one(c, future, &c->batch[n]);
    }
    if (n == 0 && c->waiting.count > 0)
        cancel_sleep(c->f->cancel, deadline_min(deadline, waiting_next(&c->waiting)));
    return n;
}

/* What runs comes to its end; what has not begun is given back. */
static void end_early(struct collector *c) {
    if (c->ending)
        return;
    c->ending = true;
    c->ending_until = deadline_in(c->f->grace);
    pool_cancel_pending(c->pool);
}

/* Ends the run early; `why` becomes the summary's sentence. */
static void stop(struct collector *c, const char *event, const char *why) {
    snprintf(c->run->stopped, sizeof(c->run->stopped), "%s", why);
    log_error(event, LOG_S("detail", why));
    if (c->f->until == FLEET_WHOLE)
        cancel_fire(c->f->cancel);
    else /* the token ends more than this run */
        end_early(c);
}

/* Servers that ended in an error in earlier sittings of the run have had their stop. */
static void heed_errors(struct collector *c) {
    const struct share most = c->f->plan->max_errors;
    const struct run *run = c->run;
    size_t errors = c->shared ? run->errors - run->errors_earlier : c->errors;
    bool done = run->passed + run->failed + run->errors == run->total;
    if (done || c->ending || cancel_fired(c->f->cancel) ||
        !share_exceeded(most, errors, run->total))
        return;
    char allowed[SHARE_TEXT], why[RUN_STOPPED_SIZE];
    share_format(most, allowed);
    snprintf(why, sizeof(why), "%zu of %zu servers ended in error, more than %s", errors,
             run->total, allowed);
    stop(c, "too many errors: stopping", why);
}

/* How far the run is, where nobody looks at the board. */
static void report_progress(struct collector *c) {
    if (clock_now() < c->progress)
        return;
    c->progress = deadline_in(c->f->progress);
    line_log(c->f->board);
}

/* Totals, log and outcome of what is on disk now. */
static void report_batch(struct collector *c, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct server_result *r = (struct server_result *)c->batch[i].result;
        struct outcome *o = &c->outcomes[c->batch[i].position];
        if (c->batch[i].refused) {
            report_refused(o->server, r);
            server_result_free(r);
            continue;
        }
        if (c->f->until == FLEET_SHARE && r->verdict == VERDICT_CANCELLED)
            report_returned(o->server);
        else
            report_server(o->server, r);
        judgement_take(c->judgement, c->batch[i].position, r);
        o->verdict = r->verdict;
        o->reason = r->reason;
        o->detail = TAKE(r->detail);
        o->flaky = server_result_flaky(r);
        if (r->verdict == VERDICT_FAILED || r->verdict == VERDICT_ERROR)
            board_failure(c->f->board, o->server, r->reason, o->detail);
        run_count(c->run, r->verdict);
        c->errors += r->verdict == VERDICT_ERROR;
        c->left += c->f->plan->linger > 0 && r->verdict == VERDICT_CANCELLED && r->facts;
        server_result_free(r);
    }
    board_totals(c->f->board, c->run);
    heed_errors(c);
}

/* A server that cannot be handed to the pool ends in `internal`: a result of the next batch. */
static size_t submit_claimed(struct collector *c, ssize_t claimed) {
    size_t n = 0;
    for (ssize_t i = 0; i < claimed; i++) {
        struct error why;
        if (submit_first(c, c->positions[i], &why) == 0)
            continue;
        c->batch[n] =
            (struct store_result){.position = c->positions[i], .result = result_of_error(&why)};
        n += c->batch[n].result != NULL;
    }
    return n;
}

static double seconds_so_far(const struct collector *c) {
    return c->before + (double)(clock_now() - c->start) / 1e9;
}

/* Ends the run, or this worker's share of it, when it is time to. */
static void heed_time(struct collector *c) {
    pulse_beat(c->f->pulse);
    if (clock_now() >= c->deadline) {
        stop(c, "the run's time is over", "its time was over");
        c->deadline = DEADLINE_NEVER;
    }
    if (c->f->drain && cancel_fired(c->f->drain))
        end_early(c);
    if (c->ending && clock_now() >= c->ending_until)
        cancel_fire(c->f->cancel);
    if (cancel_fired(c->f->cancel))
        pool_cancel_pending(c->pool);
}

/* A log that does not get into the store is no reason to end: its file is kept. */
static void carry_log(struct collector *c) {
    struct error err;
    if (!c->f->log || worklog_carry(c->f->store, c->f->log, &err) == 0)
        return;
    if (err.os != ECONNRESET && !c->log_stuck) /* a store that is away is told by others */
        log_warning("the log cannot be written into the store", LOG_S("detail", err.text));
    c->log_stuck |= err.os != ECONNRESET;
}

/*
 * How many more servers it may claim now. What is claimed has a place, where there are limits, that
 * another worker or run could have: then none is claimed ahead.
 */
static size_t room(const struct collector *c) {
    bool wanted = c->more || (c->shared && clock_now() >= c->ask);
    size_t left = c->depth - c->in_hand, busy = c->in_hand - c->waiting.count;
    size_t fanout = (size_t)c->f->plan->fanout;
    if (!wanted || is_ending(c))
        return 0;
    if (c->f->plan->limits.count == 0)
        return left;
    size_t idle = busy < fanout ? fanout - busy : 0;
    return left < idle ? left : idle;
}

/*
 * What is held back may go once results were handed in, here or by another process, which nobody
 * tells this one.
 */
static void heed_limits(struct collector *c, ssize_t claimed) {
    c->held_back = store_held_back(c->f->store);
    c->more = claimed > 0 || c->held_back;
    bool idle = c->held_back && claimed == 0 && c->in_hand == 0;
    if (idle && !c->told)
        log_info("others have all the places that the limits leave: waiting");
    c->told = idle;
}

/*
 * Stores and reports a batch of n results, and keeps the pool supplied. Returns how many results of
 * the next batch are there already, or -1.
 */
static ssize_t turn(struct collector *c, size_t n, struct error *err) {
    size_t most = room(c);
    ssize_t claimed;
    if (n == 0 && most == 0 && clock_now() < c->ask)
        return 0;
    c->run->seconds = seconds_so_far(c);
    for (;;) {
        claimed = store_turn(c->f->store, c->run, c->batch, n, most, c->positions, err);
        if (patience_answered(&c->patience, c->f->cancel, claimed, err))
            break;
        heed_time(c);
    }
    if (claimed < 0) {
        for (size_t i = 0; i < n; i++)
            server_result_free((struct server_result *)c->batch[i].result);
        return -1;
    }
    report_batch(c, n);
    if (most > 0)
        heed_limits(c, claimed);
    if (!c->shared)
        c->ask = c->held_back ? deadline_in(LOOK) : DEADLINE_NEVER;
    bool idle = c->in_hand == 0 && claimed == 0;
    if (c->shared && (idle || clock_now() >= c->ask)) {
        if (crew_look(&c->view, c->in_hand, err) < 0)
            return -1;
        carry_log(c);
        c->ask = deadline_in(LOOK);
    }
    return (ssize_t)submit_claimed(c, claimed);
}

/* Whether there may be something to claim later: what another worker does not come to the end of,
 * or what waits for a place. */
static bool stays(const struct collector *c) {
    bool shared = c->shared && c->f->until == FLEET_WHOLE && c->view.left > 0 && c->run->open;
    return (shared || c->held_back) && !is_ending(c);
}

static int collect_all(struct collector *c, struct error *err) {
    ssize_t n = turn(c, 0, err);
    while (n >= 0 && (n > 0 || c->in_hand > 0 || stays(c))) {
        int64_t until = deadline_min(deadline_min(c->deadline, c->progress), c->ask);
        if (n == 0 && c->in_hand > 0)
            n = (ssize_t)collect(c, until);
        else if (n == 0)
            store_await(c->f->store, c->f->cancel, until);
        report_progress(c);
        heed_time(c);
        n = turn(c, (size_t)n, err);
    }
    return (int)n;
}

/* After an error: ends what runs and drops its results, which cannot be kept anywhere. */
static void abandon(struct collector *c) {
    cancel_fire(c->f->cancel);
    pool_cancel_pending(c->pool);
    while (c->in_hand > c->waiting.count) {
        struct store_result dropped;
        if (collect_one(c, completed_next(c->completed, DEADLINE_NEVER), &dropped))
            server_result_free((struct server_result *)dropped.result);
    }
}

static bool has_no_verdict(const struct outcome *o) {
    return o->verdict == VERDICT_CANCELLED && o->reason == REASON_NONE;
}

/* What has no verdict now was never submitted. */
static void cancel_the_rest(struct collector *c) {
    for (size_t i = 0; i < c->f->servers->count; i++) {
        struct outcome *o = &c->outcomes[i];
        if (!has_no_verdict(o))
            continue;
        o->reason = REASON_INTERRUPTED;
        o->detail = strdup(interrupted);
        run_count(c->run, VERDICT_CANCELLED);
    }
}

static bool did_not_pass(const struct outcome *o) {
    return o->verdict != VERDICT_PASSED;
}

static void log_servers(const struct collector *c, const char *event, const char *key,
                        bool (*wanted)(const struct outcome *o)) {
    const char **names = calloc(c->f->servers->count + 1, sizeof(*names));
    size_t n = 0, part_count = 0;
    for (size_t i = 0; names && i < c->f->servers->count; i++)
        if (wanted(&c->outcomes[i]))
            names[n++] = c->outcomes[i].server;
    char **parts = names ? serverlist_parts(names, n, &part_count) : NULL;
    if (!parts)
        log_warning(event, LOG_S("detail", "no memory for the list of servers"),
                    LOG_S("run", c->run->id));
    else if (wanted == did_not_pass)
        log_info(event, LOG_L(key, (const char *const *)parts, part_count));
    else
        log_info(event, LOG_I("count", (int64_t)n),
                 LOG_L(key, (const char *const *)parts, part_count), LOG_S("run", c->run->id));
    free(parts);
    free(names);
}

static void log_end(const struct collector *c) {
    char linger[DURATION_TEXT];
    duration_format(c->f->plan->linger, linger);
    if (c->left > 0)
        log_warning("agents go on without muster: resume takes up what they do",
                    LOG_I("servers", (int64_t)c->left), LOG_S("linger", linger),
                    LOG_S("run", c->run->id));
    char event[96];
    snprintf(event, sizeof(event), "Out of %zu, %zu servers failed.", c->run->total,
             c->run->total - c->run->passed);
    log_servers(c, event, "failed_servers", did_not_pass);
}

/* Judges what the run has come to; what was stopped is stopped for all. */
static int settle(struct collector *c, struct error *err) {
    const struct fleet *f = c->f;
    bool stopped = c->run->stopped[0] || (f->until == FLEET_WHOLE && cancel_fired(f->cancel));
    if (!c->shared)
        return judgement_make(c->judgement, f->store, f->plan, c->run, c->outcomes, err);
    if (stopped && crew_stop(&c->view, err) < 0)
        return -1;
    return crew_settle(&c->view, c->judgement, err);
}

static int end(struct collector *c, struct error *err) {
    c->run->seconds = seconds_so_far(c);
    return c->shared ? crew_end(&c->view, err) : store_end(c->f->store, c->run, err);
}

/* What this worker has done of the run; what the others have is told by who waits for its end. */
static void log_share(const struct collector *c) {
    log_info("nothing is left to claim of the run", LOG_S("run", c->run->id),
             LOG_I("passed", (int64_t)c->run->passed), LOG_I("total", (int64_t)c->run->total));
}

static int run_collector(struct collector *c, struct error *err) {
    const struct fleet *f = c->f;
    c->start = clock_now();
    c->run->cancelled = 0; /* counted anew: what has no verdict is run, or cancelled again */
    c->run->stopped[0] = '\0';
    c->progress = deadline_in(f->progress);
    c->deadline = deadline_in(f->plan->run_timeout);
    board_start(f->board, c->run, f->plan->fanout);
    if (f->until == FLEET_WHOLE)
        log_servers(c, "servers to benchmark", "servers", has_no_verdict);
    int rc = store_set_limits(f->store, &f->plan->limits, err);
    if (rc == 0 && f->plan->longest_first)
        rc = longest_first(f->store, f->plan, c->run, err);
    if (rc == 0)
        rc = collect_all(c, err);
    if (rc < 0)
        abandon(c);
    if (rc == 0 && c->shared)
        rc = settle(c, err);
    if (f->until == FLEET_WHOLE)
        cancel_the_rest(c);
    if (rc == 0 && !c->shared)
        rc = settle(c, err);
    if (rc == 0)
        rc = end(c, err);
    if (f->until == FLEET_WHOLE)
        log_end(c);
    else
        log_share(c);
    return rc;
}

/*
 * What agents know the run by. They share a server with agents of the same one; so that two workers
 * do not measure one at the same time, when one of them was cut off from the store and the other
 * has taken over, each has a name of its own. An agent that lingers is to be found by anyone.
 */
static void name_run(const struct fleet *f, const struct run *run, char ret[AGENT_RUN_SIZE]) {
    if (store_is_shared(f->store) && f->plan->linger == 0)
        snprintf(ret, AGENT_RUN_SIZE, "%s.w%lld", run->id,
                 (long long)store_worker_number(f->store));
    else
        snprintf(ret, AGENT_RUN_SIZE, "%s", run->id);
}

/* What is claimed of a shared run waits for this worker, while another could begin with it. */
static size_t depth_of(const struct collector *c) {
    size_t fanout = (size_t)c->f->plan->fanout;
    return fanout + (c->shared && fanout < 2 * BATCH ? fanout : 2 * BATCH);
}

int fleet_run(const struct fleet *f, struct run *run, struct outcome *outcomes, struct error *err) {
    cleanup(str_done) struct str agent_command = {0};
    cleanup(free_ptr) char *outputs = store_output_folder(f->store, run->id);
    struct plan plan = *f->plan;
    char name[AGENT_RUN_SIZE];
    name_run(f, run, name);
    if (store_is_shared(f->store) && plan.busy_wait < TAKEN_OVER_WAIT)
        plan.busy_wait = TAKEN_OVER_WAIT;
    bootstrap_add_command(&agent_command, name, NULL, plan.start_timeout);
    struct collector c = {
        .f = f,
        .run = run,
        .outcomes = outcomes,
        .attempts = {.bench = {&plan, agent_command.data, f->transport, outputs, f->board},
                     .run = run->id},
        .before = isnan(run->seconds) ? 0 : run->seconds,
        .more = true,
        .shared = store_is_shared(f->store),
        .ending_until = DEADLINE_NEVER,
        .ask = DEADLINE_NEVER,
    };
    int rc = -1;
    c.patience.pulse = f->pulse;
    c.view = (struct crew_view){
        .fleet = f, .run = run, .outcomes = outcomes, .patience = &c.patience, .left = run->total};
    if (c.shared)
        c.ask = 0;
    c.depth = depth_of(&c);
    c.positions = malloc(c.depth * sizeof(*c.positions));
    c.batch = malloc(c.depth * sizeof(*c.batch));
    if (!c.positions || !c.batch || agent_command.failed)
        error_memory(err);
    else if (completed_new(&c.completed, err) == 0 &&
             judgement_new(f->servers, &c.judgement, err) == 0 &&
             pool_new((size_t)f->plan->fanout, STACK, &c.pool, err) == 0)
        rc = run_collector(&c, err);
    (void)!store_set_limits(f->store, NULL, err);
    pool_shutdown(c.pool, true);
    completed_free(c.completed);
    waiting_done(&c.waiting);
    sites_done(&c.view.sites);
    judgement_free(c.judgement);
    free(c.positions);
    free(c.batch);
    return rc;
}
