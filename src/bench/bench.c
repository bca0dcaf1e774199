/*
 * bench: see bench.h.
 *
 * Two kinds of things go wrong. What goes wrong with one benchmark (its command fails, its output
 * holds no number) is that benchmark's verdict, and the next one runs. What goes wrong with the
 * session ends the server: the benchmark it happened in gets the reason, and those after it get it
 * too, because they could not be judged.
 *
 * How many trials a benchmark has is between the plan and the judgement: as many as the plan says
 * in any case, then one more at a time while the verdict is close, up to the plan's maximum.
 */
#include "bench/bench.h"

#include "base/clock.h"
#include "base/stack.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/agent.h"
#include "bench/trials.h"
#include "policy/judge.h"
#include "policy/kind.h"
#include "sync/log.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Sessions at once from which a few pages of stack each are worth stopping the other cores for. */
#define MANY 500

#define OUTPUT_LIMIT 262144        /* bytes of a command's output that are kept in memory */
#define SIGNAL_MAX 64              /* Linux has no signal above it */
#define ANSWER_GRACE (5 * CLOCK_S) /* for the agent, which keeps a benchmark's deadline itself */

/* In milliseconds' steps: nobody reads more. */
static double seconds_since(int64_t start) {
    return (double)((clock_now() - start) / CLOCK_MS) / 1e3;
}

/* What a trial came to. */
enum outcome_of_trial { TRIAL_MEASURED, TRIAL_SKIPPED, TRIAL_ERROR, TRIAL_SESSION_GONE };

static void add_request(const struct benchmark_plan *p, struct agent *a, int64_t timeout,
                        int number, int64_t settle, struct str *out) {
    int64_t id = agent_next_id(a);
    int64_t ms = timeout > CLOCK_MS ? timeout / CLOCK_MS : 1;
    if (p->command)
        wire_add_command(out, id, p->command, ms, OUTPUT_LIMIT, OUTFILE_MAX, p->env, p->env_count,
                         p->needs);
    else
        wire_add_benchmark(out, id, p->name, ms, number, settle / CLOCK_MS, p->parameters);
}

static int read_output(const struct benchmark_plan *p, const struct wire_message *m,
                       struct trials *trials, struct error *err) {
    if (m->status != 0) {
        struct str said = {0};
        const char *text = m->output + strspn(m->output, "\r\n");
        text_add_printable(&said, text, strcspn(text, "\r\n"), 200);
        /* a shell says so of its command, too; the statuses beyond are a program's own */
        if (m->status > 128 && m->status <= 128 + SIGNAL_MAX)
            error_set(err, ERROR_BENCHMARK_CRASHED, "%s was ended by signal %d%s%s%s", p->name,
                      m->status - 128,
                      m->status == 128 + SIGKILL ? " (the kernel, out of memory?)" : "",
                      said.len ? " after: " : "", said.len ? said.data : "");
        else
            error_set(err, ERROR_BENCHMARK_CRASHED, "%s ended with status %d%s%s", p->name,
                      m->status, said.len ? ": " : "", said.len ? said.data : "");
        str_done(&said);
        return -1;
    }
    double value;
    if (extract_number(p->extract, m->output, m->output_len, &value, err) < 0)
        return error_prefix(err, "%s", p->name);
    return trials_add_value(trials, p, value, err);
}

static int read_answer(const struct benchmark_plan *p, struct wire_message *m,
                       struct trials *trials, struct error *err) {
    if (m->type == WIRE_ERROR && m->reason == REASON_TIMEOUT)
        return error_set(err, ERROR_TIMEOUT, "%s: %s (benchmarks.%s.timeout)", p->name, m->detail,
                         p->name);
    if (m->type == WIRE_ERROR)
        return error_set(err, reason_error(m->reason), "%s: %s", p->name, m->detail);
    if (m->type == WIRE_OUTPUT && p->command)
        return read_output(p, m, trials, err);
    if (m->type == WIRE_METRICS && !p->command)
        return trials_add_metrics(trials, m, err);
    return error_set(err, ERROR_BAD_OUTPUT, "%s: the agent answered another question", p->name);
}

/* Of a long output the answer has the end; foreign, it may be shorter than it should be. */
static void end_outfile(struct outfile *f, const struct wire_message *m) {
    size_t tail = WIRE_OUTPUT_TAIL((size_t)OUTPUT_LIMIT);
    size_t n = m->output_len < tail ? m->output_len : tail;
    if (m->type == WIRE_OUTPUT)
        outfile_end(f, m->output + m->output_len - n, n, m->bytes);
    else
        outfile_done(f);
}

/* How long a benchmark may wait for an idle server before its first trial. */
static int64_t settle_of(const struct plan *plan, const struct benchmark_plan *p, int number) {
    return p->command || number > 1 ? 0 : plan->settle;
}

static enum outcome_of_trial run_trial(const struct plan *plan, const struct benchmark_plan *p,
                                       struct agent *a, int number, int64_t server_deadline,
                                       struct spot *spot, struct trials *trials,
                                       struct error *err) {
    cleanup(str_done) struct str request = {0};
    cleanup(wire_message_done) struct wire_message answer = {0};
    int64_t left =
        server_deadline == DEADLINE_NEVER ? DEADLINE_NEVER : server_deadline - clock_now();
    int64_t settle = settle_of(plan, p, number);
    a->outfile.benchmark = p->name;
    a->outfile.trial++;
    add_request(p, a, left < p->timeout ? left : p->timeout, number, settle, &request);
    int64_t busy_wait = a->last_id == 1 ? a->lease.busy_wait_ms * CLOCK_MS : 0;
    int64_t may_take = busy_wait + settle + p->timeout;
    int64_t last = deadline_min(deadline_in(may_take + ANSWER_GRACE), server_deadline);
    board_trial(spot, number, deadline_min(deadline_in(may_take), server_deadline));
    if (agent_ask(a, &request, last, &answer, err) < 0) {
        char limit[DURATION_TEXT];
        duration_format(p->timeout, limit);
        if (err->kind == ERROR_TIMEOUT && clock_now() < server_deadline)
            error_set(
                err, ERROR_TIMEOUT,
                "%s: no answer from the agent %s and 5s after its start (benchmarks.%s.timeout)",
                p->name, limit, p->name);
        else if (err->kind == ERROR_TIMEOUT)
            error_set(err, ERROR_TIMEOUT, "the server's time was over while %s ran (--timeout)",
                      p->name);
        return TRIAL_SESSION_GONE;
    }
    if (answer.type == WIRE_SKIPPED && !p->command) {
        error_set(err, ERROR_UNSUPPORTED, "%s: %s", p->name, answer.detail);
        return TRIAL_SKIPPED;
    }
    end_outfile(&a->outfile, &answer);
    return read_answer(p, &answer, trials, err) < 0 ? TRIAL_ERROR : TRIAL_MEASURED;
}

static void report_benchmark(const struct benchmark_result *r) {
    if (r->verdict == VERDICT_SKIPPED)
        log_info("benchmark skipped", LOG_S("detail", r->detail));
    else if (r->verdict == VERDICT_ERROR || r->verdict == VERDICT_CANCELLED)
        log_warning("benchmark failed", LOG_F("seconds", r->seconds),
                    LOG_S("reason", reason_name(r->reason)), LOG_S("detail", r->detail));
    else
        log_info("benchmark completed", LOG_F("seconds", r->seconds), LOG_F("score", r->score),
                 LOG_S("conditions", r->conditions), LOG_S("flaky", r->flaky ? r->detail : NULL));
}

static int start_result(const struct benchmark_plan *p, struct benchmark_result *r,
                        struct error *err) {
    *r = (struct benchmark_result){.benchmark = strdup(p->name),
                                   .lower_is_better = p->lower_is_better,
                                   .score = NAN,
                                   .value = NAN,
                                   .reference = p->reference,
                                   .threshold = p->threshold,
                                   .spread = NAN};
    return r->benchmark ? 0 : error_memory(err);
}

/* Of one trial there is nothing to tell apart. */
static void bind_trial(const struct benchmark_plan *p, int number) {
    char text[16];
    if (p->trials == 1)
        return;
    snprintf(text, sizeof(text), "%d", number);
    log_bind("trial", text);
}

/* Judges what the trials until now came to. Returns 0, or -1 when memory ran out. */
static int judge(const struct benchmark_plan *p, const struct judged_on *server,
                 const struct trials *trials, struct benchmark_result *r, struct error *err) {
    struct judged_on on = *server;
    if (trials_copy(trials, r, err) < 0)
        return -1;
    on.class = trials->class;
    on.units = trials->units;
    return judge_benchmark(p, &on, r, err);
}

/*
 * Whether one more trial is to tell on which side of the threshold the benchmark is. What it costs
 * in time must not cost the server its verdict.
 */
static bool wants_more(const struct benchmark_plan *p, int count, int64_t start, int64_t deadline,
                       struct benchmark_result *r) {
    if (count >= p->max_trials || !judge_is_close(r))
        return false;
    int64_t now = clock_now();
    if (deadline != DEADLINE_NEVER && (now - start) / count >= deadline - now) {
        judge_stands("the server's time would not have sufficed", r);
        return false;
    }
    if (count == p->trials)
        log_info("more trials", LOG_S("detail", r->detail), LOG_F("spread", r->spread));
    return true;
}

/*
 * What is to be said of a benchmark one of whose trials was not measured: whichever trial that is,
 * the benchmark erred. Only where there was a verdict, want of time does not take it back.
 */
static int judge_lost(const struct benchmark_plan *p, enum outcome_of_trial outcome,
                      const struct error *why, struct benchmark_result *r, struct error *err) {
    bool judged = r->trial_count > 0;
    if (judged && why->kind == ERROR_TIMEOUT) {
        judge_stands(why->text, r);
        return 0;
    }
    if (judged) {
        benchmark_result_done(r);
        if (start_result(p, r, err) < 0)
            return -1;
    }
    if (outcome == TRIAL_SKIPPED && !p->required)
        judge_skipped(why->text, r);
    else
        judge_error(why, r);
    return 0;
}

/*
 * Runs the trials that there are in any case, and then one at a time while the verdict is close.
 * Returns 0, also when the benchmark erred; -1 when memory ran out.
 */
static int measure(const struct plan *plan, const struct benchmark_plan *p,
                   const struct judged_on *on, struct agent *a, int64_t deadline, struct spot *spot,
                   struct benchmark_result *r, enum outcome_of_trial *outcome, struct error *err) {
    cleanup(trials_done) struct trials trials = {0};
    int64_t start = clock_now();
    int count = 0, rc = 0;
    do {
        bind_trial(p, ++count);
        *outcome = run_trial(plan, p, a, count, deadline, spot, &trials, err);
        log_debug("trial ended");
        if (*outcome == TRIAL_MEASURED && count >= p->trials)
            rc = judge(p, on, &trials, r, err);
    } while (rc == 0 && *outcome == TRIAL_MEASURED &&
             (count < p->trials || wants_more(p, count, start, deadline, r)));
    log_unbind("trial");
    struct error why = *err;
    if (*outcome != TRIAL_MEASURED)
        rc = judge_lost(p, *outcome, &why, r, err);
    r->seconds = seconds_since(start);
    return rc;
}

/*
 * Runs one benchmark. Returns 0, also when the benchmark erred; -1 when memory ran out; 1 when the
 * session is gone, with the reason in *err.
 */
static int run_benchmark(const struct plan *plan, const struct benchmark_plan *p,
                         const struct judged_on *on, struct agent *a, int64_t deadline,
                         struct spot *spot, struct benchmark_result *r, struct error *err) {
    enum outcome_of_trial outcome;
    log_bind("benchmark", p->name);
    a->outfile.trial = 0;
    int rc = measure(plan, p, on, a, deadline, spot, r, &outcome, err);
    report_benchmark(r);
    log_unbind("benchmark");
    return rc == 0 && outcome == TRIAL_SESSION_GONE ? 1 : rc;
}

static int run_benchmarks(const struct bench *b, struct agent *a, const char *disk,
                          int64_t deadline, struct spot *spot, struct server_result *r,
                          struct error *err) {
    const struct plan *plan = b->plan;
    const struct judged_on on = {.kind = r->kind, .disk = disk, .baselines = plan->baselines};
    int rc = 0;
    r->benchmarks = calloc(plan->benchmark_count + 1, sizeof(*r->benchmarks));
    if (!r->benchmarks)
        return error_memory(err);
    for (size_t i = 0; i < plan->benchmark_count; i++) {
        struct benchmark_result *result = &r->benchmarks[r->benchmark_count];
        struct benchmark_plan benchmark = plan_for_kind(plan, i, r->kind);
        struct error out_of_memory;
        if (start_result(&benchmark, result, &out_of_memory) < 0) {
            *err = out_of_memory;
            return -1;
        }
        r->benchmark_count++;
        if (rc == 1) { /* the session went before this one: *err says why */
            judge_error(err, result);
            continue;
        }
        board_benchmark(spot, i + 1, benchmark.name);
        rc = run_benchmark(plan, &benchmark, &on, a, deadline, spot, result, err);
        if (rc < 0)
            return -1;
    }
    return rc;
}

/* The sentence for a start that took too long; other errors have their own. */
static void explain_start(const struct plan *plan, const struct session *session,
                          int64_t server_deadline, struct error *err) {
    char limit[DURATION_TEXT];
    const char *said = session_stderr(session);
    duration_format(plan->start_timeout, limit);
    if (err->kind != ERROR_TIMEOUT)
        return;
    if (clock_now() >= server_deadline)
        error_set(err, ERROR_TIMEOUT,
                  "the server's time was over before the agent could start (--timeout)");
    else
        error_set(err, ERROR_TIMEOUT,
                  "the remote shell did not start the agent within %s (ssh.login_timeout)%s%s",
                  limit, *said ? " and said: " : "", said);
}

/* Another run is not waited for when that would take all of this server's time. */
static struct wire_lease lease_of(const struct plan *plan, const struct server *server,
                                  int64_t deadline) {
    int64_t left = deadline == DEADLINE_NEVER ? DEADLINE_NEVER : deadline - clock_now();
    int64_t busy_wait = deadline_min(plan->busy_wait, left - ANSWER_GRACE);
    return (struct wire_lease){.lease_ms = plan->lease / CLOCK_MS,
                               .beat_ms = plan->heartbeat / CLOCK_MS,
                               .busy_wait_ms = busy_wait > 0 ? busy_wait / CLOCK_MS : 0,
                               .linger_ms = plan->linger / CLOCK_MS,
                               .key = server->name,
                               .round = server->round};
}

/* Whether a later session is to take up what the agent does. */
static bool is_to_linger(int rc, const struct error *why) {
    return rc == 1 && (why->kind == ERROR_CONNECTION_LOST || why->kind == ERROR_INTERRUPTED);
}

/*
 * Which kind of server this is, by its user or else by its facts, and which machine. *disk is what
 * tells its disks from those of others.
 */
static int identify(const struct server *server, struct server_result *r, char **disk,
                    struct error *err) {
    struct kind kind;
    if (kind_read(r->facts, &kind, err) < 0)
        return -1;
    r->kind = server->kind ? strdup(server->kind) : TAKE(kind.kind);
    r->machine = TAKE(kind.machine);
    *disk = TAKE(kind.disk);
    kind_done(&kind);
    return server->kind && !r->kind ? error_memory(err) : 0;
}

/* Returns as run_benchmarks(). */
static int converse(const struct bench *b, const struct server *server, struct session *session,
                    int64_t deadline, struct spot *spot, struct server_result *r,
                    struct error *err) {
    struct agent agent;
    cleanup(wire_message_done) struct wire_message hello;
    cleanup(free_ptr) char *disk = NULL;
    int64_t start = deadline_min(deadline_in(b->plan->start_timeout), deadline);
    struct wire_lease lease = lease_of(b->plan, server, deadline);
    int rc = agent_start(&agent, session, b->agent_command, &lease, start, &hello, err);
    if (rc == 0) {
        agent.outfile = (struct outfile){.folder = b->outputs, .server = server->name};
        r->facts = TAKE(hello.facts);
        rc = identify(server, r, &disk, err);
        if (b->plan->fanout >= MANY)
            stack_trim(); /* from here on most threads do nothing but wait */
        if (rc == 0)
            rc = run_benchmarks(b, &agent, disk, deadline, spot, r, err);
        if (!is_to_linger(rc, err))
            agent_end(&agent);
    } else {
        explain_start(b->plan, session, deadline, err);
        rc = 1;
    }
    agent_done(&agent);
    return rc;
}

int bench_server(const struct bench *b, const struct server *server, int64_t deadline,
                 struct server_result *ret, struct error *err) {
    cleanup(session_closep) struct session *session = NULL;
    int64_t begin = clock_now();
    struct spot spot;
    struct error why;
    *ret = (struct server_result){.attempts = 1};
    log_bind("server", server->name);
    board_begin(b->board, &spot, server->name);
    int rc = transport_open(b->transport, server, deadline, &session, &why);
    if (rc == 0) {
        const char *address = session_address(session);
        log_info("connected", LOG_S("address", *address ? address : NULL),
                 LOG_F("seconds", seconds_since(begin)));
        rc = converse(b, server, session, deadline, &spot, ret, &why);
    } else {
        rc = 1;
    }
    judge_server(rc == 0 ? NULL : &why, ret);
    ret->seconds = seconds_since(begin);
    board_end(&spot);
    log_unbind("server");
    if (rc >= 0)
        return 0;
    server_result_done(ret);
    *err = why;
    return -1;
}
