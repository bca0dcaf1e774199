/*
 * fleet: see fleet.h.
 *
 * A job is one attempt at one server. Two batches more servers than there are workers are in hand
 * at any time: while one is being written, workers find the next, and the memory in use does not
 * grow with the fleet. Each turn of the orchestrator is one transaction: it hands in whatever
 * results came within a moment and claims as many servers as there is room for. The slower the
 * disk, the larger the batch; on a fast one the moment keeps servers that end one by one from
 * costing a transaction each.
 */
#include "fleet/fleet.h"

#include "base/clock.h"
#include "bench/bootstrap.h"
#include "fleet/crew.h"
#include "fleet/entries.h"
#include "fleet/inhand.h"
#include "fleet/judgement.h"
#include "fleet/longest.h"
#include "live/line.h"
#include "store/crew.h"
#include "sync/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 2048   /* results in one transaction, at most: the disk is waited for once */
#define LOOK CLOCK_S /* between two looks at a run that others share */
#define AGENT_RUN_SIZE (RUN_ID_SIZE + 24)
#define TAKEN_OVER_WAIT (5 * 60 * CLOCK_S) /* for the agent of a worker that is thought dead */

/* The orchestrator's own. */
struct collector {
    const struct fleet *f;
    struct run *run;
    struct outcome *outcomes;
    struct inhand hand;
    struct judgement *judgement; /* of a run that is not shared */
    size_t depth;                /* how many may be in hand at a time */
    size_t errors;               /* verdicts of this sitting */
    size_t left;                 /* servers whose agents linger */
    int64_t start;
    int64_t progress;     /* when the next line of the log says how far the run is */
    double before;        /* seconds that were spent in earlier sittings */
    bool more;            /* the store may have pending servers */
    bool shared;          /* the run is, with other workers */
    bool log_stuck;       /* that the log does not get into the store was said */
    bool drains;          /* the worker was told to end */
    bool ending;          /* it claims no more, and lets what runs come to its end */
    int64_t ending_until; /* no longer than that */
    int64_t deadline;     /* of the run */
    int64_t ask;          /* the store, without a result to hand in */
    bool held_back;       /* servers wait for a place that limits leave, or for another run */
    bool told;            /* that there is nothing to do until then */
    size_t wanted;        /* servers that it would claim, were others' slots free */
    struct patience patience;
    struct crew_view view;
    struct store_claim *claims; /* room for `depth` */
    struct store_result *batch; /* room for `depth` */
};

/* Nothing is begun any more. */
static bool is_ending(const struct collector *c) {
    return c->ending || cancel_fired(c->f->cancel);
}

/* What runs comes to its end; what has not begun is given back. */
static void end_early(struct collector *c) {
    if (c->ending)
        return;
    c->ending = true;
    c->ending_until = deadline_in(c->f->grace);
    inhand_cancel_pending(&c->hand);
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

/* For the summary and who looks at the board. */
static void keep_outcome(struct collector *c, const struct store_result *b) {
    struct server_result *r = (struct server_result *)b->result;
    struct outcome *o = &c->outcomes[b->position];
    o->verdict = r->verdict;
    o->reason = r->reason;
    o->detail = TAKE(r->detail);
    o->flaky = server_result_flaky(r);
    if (r->verdict == VERDICT_FAILED || r->verdict == VERDICT_ERROR)
        board_failure(c->f->board, b->server, r->reason, o->detail);
}

static void report_one(struct collector *c, const struct store_result *b) {
    const struct server_result *r = b->result;
    if (b->refused) {
        entries_refused(b->server, r);
        return;
    }
    if (c->f->until == FLEET_SHARE && r->verdict == VERDICT_CANCELLED)
        entries_returned(b->server);
    else
        entries_server(b->server, r);
    if (c->judgement)
        judgement_take(c->judgement, b->position, r);
    run_count(c->run, r->verdict);
    c->errors += r->verdict == VERDICT_ERROR;
    c->left += c->f->plan->linger > 0 && r->verdict == VERDICT_CANCELLED && r->facts;
    if (c->outcomes)
        keep_outcome(c, b);
}

/* Totals, log and outcome of what is on disk now. */
static void report_batch(struct collector *c, size_t n) {
    for (size_t i = 0; i < n; i++) {
        report_one(c, &c->batch[i]);
        result_drop(&c->batch[i]);
    }
    board_totals(c->f->board, c->run);
    heed_errors(c);
}

static double seconds_so_far(const struct collector *c) {
    return c->before + (double)(clock_now() - c->start) / 1e9;
}

/* Others are told with the next turn, which is due. */
static void heed_drain(struct collector *c) {
    if (c->drains || !c->f->drain || !cancel_fired(c->f->drain))
        return;
    c->drains = true;
    c->ask = 0;
    store_drain(c->f->store);
    end_early(c);
}

/* Ends the run, or this worker's share of it, when it is time to. */
static void heed_time(struct collector *c) {
    pulse_beat(c->f->pulse);
    if (clock_now() >= c->deadline) {
        stop(c, "the run's time is over", "its time was over");
        c->deadline = DEADLINE_NEVER;
    }
    heed_drain(c);
    if (c->ending && clock_now() >= c->ending_until)
        cancel_fire(c->f->cancel);
    if (cancel_fired(c->f->cancel))
        inhand_cancel_pending(&c->hand);
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
    size_t left = c->depth - c->hand.count, busy = inhand_submitted(&c->hand);
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
static void heed_held_back(struct collector *c, ssize_t claimed) {
    bool elsewhere = store_in_others_hands(c->f->store);
    c->held_back = elsewhere || store_held_back(c->f->store);
    c->more = claimed > 0 || c->held_back;
    bool idle = c->held_back && claimed == 0 && c->hand.count == 0;
    if (idle && !c->told)
        log_info(elsewhere ? "other runs have the servers that are left in hand: waiting"
                           : "others have all the places that the limits leave: waiting");
    c->told = idle;
}

/* Begins with what was claimed. Returns how many results of the next batch are there at once. */
static size_t begin(struct collector *c, ssize_t claimed) {
    size_t n = 0;
    for (ssize_t i = 0; i < claimed; i++)
        n += inhand_add(&c->hand, &c->claims[i], &c->batch[n]);
    return n;
}

/* What cannot be kept anywhere. */
static void drop_batch(struct collector *c, size_t n) {
    for (size_t i = 0; i < n; i++)
        result_drop(&c->batch[i]);
}

/*
 * What it could not even ask for, because others have the slots, it waits for: for all of it where
 * there is more for sure, or else for one, to see.
 */
static void heed_slots(struct collector *c, size_t wanted, size_t most, ssize_t claimed) {
    bool got_all = (size_t)claimed == most;
    c->wanted = got_all ? wanted - most : 0;
    if (most == 0 && (!c->more || c->held_back) && c->wanted > 1)
        c->wanted = 1;
    slots_settle(c->f->slots, inhand_submitted(&c->hand), c->wanted);
}

/* Stores a batch, and claims up to `most`. Returns how many, or -1, and the results are dropped. */
static ssize_t store(struct collector *c, size_t n, size_t most, struct error *err) {
    ssize_t claimed;
    c->run->seconds = seconds_so_far(c);
    for (;;) {
        claimed = store_turn(c->f->store, c->run, c->batch, n, most, c->claims, err);
        if (patience_answered(&c->patience, &c->f->ending, claimed, err))
            break;
        heed_time(c);
    }
    if (claimed < 0)
        drop_batch(c, n);
    return claimed;
}

/*
 * Stores and reports a batch of n results, and keeps the pool supplied. Returns how many results of
 * the next batch are there already, or -1.
 */
static ssize_t turn(struct collector *c, size_t n, struct error *err) {
    size_t wanted = room(c), most = slots_ask(c->f->slots, inhand_submitted(&c->hand), wanted);
    if (n == 0 && most == 0 && clock_now() < c->ask) {
        heed_slots(c, wanted, 0, 0);
        return 0;
    }
    ssize_t claimed = store(c, n, most, err);
    if (claimed < 0)
        return -1;
    report_batch(c, n);
    if (most > 0)
        heed_held_back(c, claimed);
    if (!c->shared)
        c->ask = c->held_back ? deadline_in(LOOK) : DEADLINE_NEVER;
    bool idle = c->hand.count == 0 && claimed == 0;
    n = begin(c, claimed);
    heed_slots(c, wanted, most, claimed);
    if (!c->shared || (!idle && clock_now() < c->ask))
        return (ssize_t)n;
    if (crew_look(&c->view, c->hand.count, err) < 0) {
        drop_batch(c, n);
        return -1;
    }
    carry_log(c);
    c->ask = deadline_in(LOOK);
    return (ssize_t)n;
}

/* Whether there may be something to claim later: what another worker does not come to the end of,
 * or what waits for a place or a slot. */
static bool stays(const struct collector *c) {
    bool shared = c->shared && c->f->until == FLEET_WHOLE && c->view.left > 0 && c->run->open;
    return (shared || c->held_back || c->wanted > 0) && !is_ending(c);
}

static int collect_all(struct collector *c, struct error *err) {
    ssize_t n = turn(c, 0, err);
    while (n >= 0 && (n > 0 || c->hand.count > 0 || stays(c))) {
        int64_t until = deadline_min(deadline_min(c->deadline, c->progress), c->ask);
        if (n == 0 && c->hand.count > 0)
            n = (ssize_t)inhand_collect(&c->hand, c->ending, BATCH, until, c->batch);
        else if (n == 0)
            store_await(c->f->store, c->f->cancel, until);
        report_progress(c);
        heed_time(c);
        n = turn(c, (size_t)n, err);
    }
    return (int)n;
}

/* After an error: what runs ends, and its results cannot be kept anywhere. */
static void abandon(struct collector *c) {
    cancel_fire(c->f->cancel);
    inhand_abandon(&c->hand);
}

/* What has no verdict now was never submitted. */
static void cancel_the_rest(struct collector *c) {
    for (size_t i = 0; i < c->run->total; i++) {
        struct outcome *o = &c->outcomes[i];
        if (!outcome_is_open(o))
            continue;
        o->reason = REASON_INTERRUPTED;
        o->detail = strdup(OUTCOME_NO_TURN);
        run_count(c->run, VERDICT_CANCELLED);
    }
}

/* Judges what the run has come to; what was stopped is stopped for all. */
static int settle(struct collector *c, struct error *err) {
    const struct fleet *f = c->f;
    bool stopped = c->run->stopped[0] || (f->until == FLEET_WHOLE && cancel_fired(f->cancel));
    if (!c->shared)
        return judgement_make(c->judgement, f->store, f->plan, c->run, c->outcomes, err);
    if (stopped && crew_stop(&c->view, err) < 0)
        return -1;
    return crew_settle(&c->view, err);
}

static int end(struct collector *c, struct error *err) {
    c->run->seconds = seconds_so_far(c);
    return c->shared ? crew_end(&c->view, err) : store_end(c->f->store, c->run, err);
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
        entries_begin(c->run, c->outcomes);
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
    if (f->until == FLEET_SHARE)
        entries_share(c->run);
    else {
        if (c->left > 0)
            entries_lingering(c->run, c->left, f->plan->linger);
        entries_end(c->run, c->outcomes);
    }
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
        .before = isnan(run->seconds) ? 0 : run->seconds,
        .more = true,
        .shared = store_is_shared(f->store),
        .ending_until = DEADLINE_NEVER,
        .ask = DEADLINE_NEVER,
    };
    struct attempts attempts = {
        .bench = {&plan, agent_command.data, f->transport, outputs, f->board},
        .run = run->id,
    };
    int rc = -1;
    c.patience.pulse = f->pulse;
    c.view = (struct crew_view){
        .fleet = f, .run = run, .outcomes = outcomes, .patience = &c.patience, .left = run->total};
    if (c.shared)
        c.ask = 0;
    c.depth = depth_of(&c);
    c.claims = malloc(c.depth * sizeof(*c.claims));
    c.batch = malloc(c.depth * sizeof(*c.batch));
    if (!c.claims || !c.batch || agent_command.failed)
        error_memory(err);
    else if (inhand_init(&c.hand, &attempts, f->cancel, f->slots, err) == 0 &&
             (c.shared || judgement_new(run->total, &c.judgement, err) == 0))
        rc = run_collector(&c, err);
    (void)!store_set_limits(f->store, NULL, err);
    inhand_done(&c.hand);
    sites_done(&c.view.sites);
    judgement_free(c.judgement);
    free(c.claims);
    free(c.batch);
    return rc;
}
