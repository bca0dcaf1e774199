/* attempt: see attempt.h. */
#include "fleet/attempt.h"

#include "base/clock.h"
#include "base/str.h"
#include "policy/backoff.h"
#include "sync/log.h"

#include <stdio.h>
#include <stdlib.h>

int attempt_new(const struct attempts *all, struct store_claim *claim, struct attempt **ret,
                struct error *err) {
    struct attempt *a = malloc(sizeof(*a));
    if (!a)
        return error_memory(err);
    *a = (struct attempt){
        .all = all, .server = claim->server, .position = claim->position, .number = 1};
    claim->server = (struct server){0};
    *ret = a;
    return 0;
}

void attempt_free(struct attempt *a) {
    if (!a)
        return;
    server_result_free(a->last);
    server_done(&a->server);
    free(a);
}

static int64_t time_left(const struct attempt *a) {
    int64_t timeout = a->all->bench.plan->server_timeout;
    return timeout == DEADLINE_NEVER ? timeout : timeout - a->spent;
}

static void bind_number(const struct attempt *a) {
    char number[16];
    snprintf(number, sizeof(number), "%d", a->number);
    log_bind("attempt", a->number > 1 ? number : NULL);
}

int attempt_run(void *arg, void **result, struct error *err) {
    struct attempt *a = arg;
    struct server_result *r = calloc(1, sizeof(*r));
    if (!r)
        return error_memory(err);
    int64_t begin = clock_now();
    bind_number(a);
    int rc = bench_server(&a->all->bench, &a->server, deadline_in(time_left(a)), r, err);
    log_unbind("attempt");
    if (rc < 0) {
        free(r);
        return -1;
    }
    a->spent += clock_now() - begin;
    if (r->reason == REASON_CONNECTION_LOST && r->facts)
        a->lost = clock_now();
    r->attempts = a->number;
    if (a->number > 1)
        r->seconds = (double)(a->spent / CLOCK_MS) / 1e3;
    *result = r;
    return 0;
}

static int64_t pause_after(const struct attempt *a) {
    return backoff_pause(a->all->run, a->server.name, a->number, a->all->bench.plan->longest_pause);
}

/* Whether the agent that was lost is still there by then. */
static bool lingers(const struct attempt *a, int64_t then) {
    int64_t linger = a->all->bench.plan->linger;
    return linger > 0 && a->lost > 0 && then - a->lost < linger;
}

bool attempt_has_another(const struct attempt *a, const struct server_result *r) {
    return (r->reason == REASON_UNREACHABLE || r->reason == REASON_CONNECTION_LOST) &&
           (a->number <= a->all->bench.plan->retries || lingers(a, clock_now() + pause_after(a))) &&
           pause_after(a) < time_left(a);
}

void attempt_next(struct attempt *a, const struct server_result *r) {
    int64_t pause = pause_after(a);
    a->number++;
    a->spent += pause;
    a->due = clock_now() + pause;
    bind_number(a);
    log_bind("server", a->server.name);
    log_warning("trying again", LOG_S("reason", reason_name(r->reason)), LOG_S("detail", r->detail),
                LOG_F("seconds", (double)(pause / CLOCK_MS) / 1e3));
    log_unbind("server");
    log_unbind("attempt");
}

void attempt_interrupt(struct server_result *r) {
    struct str detail = {0};
    str_addf(&detail, "the run ended before it was tried again: %s", r->detail ? r->detail : "");
    free(r->detail);
    r->detail = str_take(&detail);
    r->reason = REASON_INTERRUPTED;
    r->verdict = VERDICT_CANCELLED;
}
