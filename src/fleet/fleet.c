/*
 * fleet: see fleet.h.
 *
 * A job is one server. Two batches more jobs than there are workers are submitted at any time:
 * while one is being written, workers find the next, and the memory in use does not grow with the
 * fleet. Each turn of the orchestrator is one transaction: it hands in whatever results are there
 * and claims as many servers as there is room for. The slower the disk, the larger the batch.
 */
#include "fleet/fleet.h"

#include "base/clock.h"
#include "bench/bootstrap.h"
#include "exec/pool.h"
#include "policy/judge.h"
#include "report/serverlist.h"
#include "sync/log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 2048          /* results in one transaction, at most: the disk is waited for once */
#define STACK (512 * 1024)  /* of a worker; only what is touched costs memory */
#define RETRY_FIRST CLOCK_S /* pause before the first retry; doubled for each one after */
#define RETRY_LONGEST (30 * CLOCK_S)
#define WAY_RETRIES 2

/* What the jobs share, read-only. */
struct shared {
    struct bench bench;
    struct cancel *cancel;
};

struct job {
    const struct shared *shared;
    const struct server *server;
    size_t position;
};

/* The orchestrator's own. */
struct collector {
    const struct fleet *f;
    struct run *run;
    struct outcome *outcomes;
    struct pool *pool;
    struct completed *completed;
    struct shared shared;
    size_t submitted; /* and not taken yet */
    size_t depth;     /* how many may be submitted at a time */
    int64_t start;
    double before;              /* seconds that were spent in earlier sittings */
    bool more;                  /* the store may have pending servers */
    size_t *positions;          /* room for `depth` */
    struct store_result *batch; /* room for `depth` */
};

static void result_free(struct server_result *r) {
    if (r)
        server_result_done(r);
    free(r);
}

/* A server that was lost with its jump host's connection is tried again unasked, within reason. */
static bool worth_a_retry(const struct server_result *r, int attempt, int retries) {
    if (r->reason != REASON_UNREACHABLE && r->reason != REASON_CONNECTION_LOST)
        return false;
    return attempt <= retries || (r->way_broke && attempt <= WAY_RETRIES);
}

/* Says so and waits for `pause`. Returns false when there is no time left for another attempt. */
static bool pause_before(int attempt, int64_t pause, int64_t deadline, const struct job *job,
                         const struct server_result *r) {
    char number[16];
    if (clock_now() + pause >= deadline)
        return false;
    snprintf(number, sizeof(number), "%d", attempt);
    log_bind("attempt", number); /* until the job ends */
    log_bind("server", job->server->name);
    log_warning("trying again", LOG_S("reason", reason_name(r->reason)), LOG_S("detail", r->detail),
                LOG_F("seconds", (double)pause / 1e9));
    log_unbind("server");
    return !cancel_sleep(job->shared->cancel, deadline_in(pause));
}

/* Runs on a worker. The server's deadline holds for all attempts together. */
static int run_job(void *arg, void **result, struct error *err) {
    const struct job *job = arg;
    const struct plan *plan = job->shared->bench.plan;
    struct server_result *r = calloc(1, sizeof(*r));
    if (!r)
        return error_memory(err);
    int64_t begin = clock_now(), deadline = deadline_in(plan->server_timeout);
    int64_t pause = RETRY_FIRST;
    int attempt = 1, rc;
    while ((rc = bench_server(&job->shared->bench, job->server, deadline, r, err)) == 0) {
        r->attempts = attempt;
        if (!worth_a_retry(r, attempt, plan->retries) ||
            !pause_before(++attempt, pause, deadline, job, r))
            break;
        server_result_done(r);
        pause = pause * 2 > RETRY_LONGEST ? RETRY_LONGEST : pause * 2;
    }
    log_unbind("attempt");
    if (rc < 0) {
        free(r);
        return -1;
    }
    if (r->attempts > 1)
        r->seconds = (double)((clock_now() - begin) / CLOCK_MS) / 1e3;
    *result = r;
    return 0;
}

static int submit(struct collector *c, size_t position, struct error *err) {
    struct job *job = malloc(sizeof(*job));
    if (!job)
        return error_memory(err);
    *job = (struct job){&c->shared, &c->f->servers->items[position], position};
    struct future *future;
    if (pool_submit(c->pool, run_job, job, c->completed, &future, err) < 0) {
        free(job);
        return -1;
    }
    c->submitted++;
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
                 LOG_F("seconds", r->seconds));
    else
        log_at(r->verdict == VERDICT_CANCELLED ? LOG_WARNING : LOG_ERROR, "server failed",
               LOG_S("verdict", verdict_name(r->verdict)), LOG_S("reason", reason_name(r->reason)),
               LOG_S("detail", r->detail), LOG_F("seconds", r->seconds));
    log_unbind("server");
}

/* Takes one future that is done. Returns false when there is no memory for even its error. */
static bool collect_one(struct collector *c, struct future *future, struct store_result *ret) {
    struct job *job = future_arg(future);
    *ret = (struct store_result){.position = job->position, .result = take_result(future)};
    c->submitted--;
    free(job);
    future_free(future);
    return ret->result != NULL;
}

/*
 * Waits for at least one result and takes all that are there, up to a batch. Returns how many;
 * 0 when the deadline passed.
 */
static size_t collect(struct collector *c, int64_t deadline) {
    size_t n = 0;
    while (n < BATCH && c->submitted > 0) {
        struct future *future = completed_next(c->completed, n ? clock_now() : deadline);
        if (!future)
            break;
        n += collect_one(c, future, &c->batch[n]);
    }
    return n;
}

/* Totals, log and outcome of what is on disk now. */
static void report_batch(struct collector *c, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct server_result *r = (struct server_result *)c->batch[i].result;
        struct outcome *o = &c->outcomes[c->batch[i].position];
        report_server(o->server, r);
        o->verdict = r->verdict;
        o->reason = r->reason;
        o->detail = TAKE(r->detail);
        run_count(c->run, r->verdict);
        result_free(r);
    }
}

/* A server that cannot be handed to the pool ends in `internal`: a result of the next batch. */
static size_t submit_claimed(struct collector *c, ssize_t claimed) {
    size_t n = 0;
    for (ssize_t i = 0; i < claimed; i++) {
        struct error why;
        if (submit(c, c->positions[i], &why) == 0)
            continue;
        c->batch[n] = (struct store_result){c->positions[i], result_of_error(&why)};
        n += c->batch[n].result != NULL;
    }
    return n;
}

static double seconds_so_far(const struct collector *c) {
    return c->before + (double)(clock_now() - c->start) / 1e9;
}

/*
 * Stores and reports a batch of n results, and keeps the pool supplied. Returns how many results of
 * the next batch are there already, or -1.
 */
static ssize_t turn(struct collector *c, size_t n, struct error *err) {
    size_t room = c->more && !cancel_fired(c->f->cancel) ? c->depth - c->submitted : 0;
    if (n == 0 && room == 0)
        return 0;
    c->run->seconds = seconds_so_far(c);
    ssize_t claimed = store_turn(c->f->store, c->run, c->batch, n, room, c->positions, err);
    if (claimed < 0) {
        for (size_t i = 0; i < n; i++)
            result_free((struct server_result *)c->batch[i].result);
        return -1;
    }
    report_batch(c, n);
    if (room > 0)
        c->more = claimed > 0;
    return (ssize_t)submit_claimed(c, claimed);
}

static int collect_all(struct collector *c, struct error *err) {
    int64_t deadline = deadline_in(c->f->plan->run_timeout);
    ssize_t n = turn(c, 0, err);
    while (n >= 0 && (n > 0 || c->submitted > 0)) {
        if (n == 0)
            n = (ssize_t)collect(c, deadline);
        if (clock_now() >= deadline) {
            log_warning("the run's time is over");
            cancel_fire(c->f->cancel);
            deadline = DEADLINE_NEVER;
        }
        if (cancel_fired(c->f->cancel))
            pool_cancel_pending(c->pool);
        n = turn(c, (size_t)n, err);
    }
    return (int)n;
}

/* After an error: ends what runs and drops its results, which cannot be kept anywhere. */
static void abandon(struct collector *c) {
    cancel_fire(c->f->cancel);
    pool_cancel_pending(c->pool);
    while (c->submitted > 0) {
        struct store_result dropped;
        if (collect_one(c, completed_next(c->completed, DEADLINE_NEVER), &dropped))
            result_free((struct server_result *)dropped.result);
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
    char event[96];
    snprintf(event, sizeof(event), "Out of %zu, %zu servers failed.", c->run->total,
             c->run->total - c->run->passed);
    log_servers(c, event, "failed_servers", did_not_pass);
}

static int run_collector(struct collector *c, struct error *err) {
    c->start = clock_now();
    c->run->cancelled = 0; /* counted anew: what has no verdict is run, or cancelled again */
    log_servers(c, "servers to benchmark", "servers", has_no_verdict);
    int rc = collect_all(c, err);
    if (rc < 0)
        abandon(c);
    cancel_the_rest(c);
    c->run->seconds = seconds_so_far(c);
    if (rc == 0)
        rc = store_end(c->f->store, c->run, err);
    log_end(c);
    return rc;
}

int fleet_run(const struct fleet *f, struct run *run, struct outcome *outcomes, struct error *err) {
    cleanup(str_done) struct str agent_command = {0};
    cleanup(free_ptr) char *outputs = store_output_folder(f->store, run->id);
    bootstrap_add_command(&agent_command, run->id, NULL, f->plan->start_timeout);
    struct collector c = {
        .f = f,
        .run = run,
        .outcomes = outcomes,
        .shared = {.bench = {f->plan, agent_command.data, f->transport, outputs},
                   .cancel = f->cancel},
        .before = isnan(run->seconds) ? 0 : run->seconds,
        .more = true,
    };
    int rc = -1;
    c.depth = (size_t)f->plan->fanout + 2 * BATCH;
    c.positions = malloc(c.depth * sizeof(*c.positions));
    c.batch = malloc(c.depth * sizeof(*c.batch));
    if (!c.positions || !c.batch || agent_command.failed)
        error_memory(err);
    else if (completed_new(&c.completed, err) == 0 &&
             pool_new((size_t)f->plan->fanout, STACK, &c.pool, err) == 0)
        rc = run_collector(&c, err);
    pool_shutdown(c.pool, true);
    completed_free(c.completed);
    free(c.positions);
    free(c.batch);
    return rc;
}
