/* entries: see entries.h. */
#include "fleet/entries.h"

#include "base/attr.h"
#include "base/units.h"
#include "report/serverlist.h"
#include "sync/log.h"

#include <stdio.h>
#include <stdlib.h>

void entries_server(const char *name, const struct server_result *r) {
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

void entries_returned(const char *name) {
    log_debug("server given back", LOG_S("server", name));
}

void entries_refused(const char *name, const struct server_result *r) {
    log_warning("result refused: another worker has taken the server over", LOG_S("server", name),
                LOG_S("verdict", verdict_name(r->verdict)));
}

static bool did_not_pass(const struct outcome *o) {
    return o->verdict != VERDICT_PASSED;
}

/* The names of those that are wanted, as values that fit the log's lines; the caller frees them. */
static char **list_servers(const struct run *run, const struct outcome *outcomes,
                           bool (*wanted)(const struct outcome *o), size_t *n, size_t *parts) {
    cleanup(free_ptr) const char **names = calloc(run->total + 1, sizeof(*names));
    *n = 0;
    for (size_t i = 0; names && i < run->total; i++)
        if (wanted(&outcomes[i]))
            names[(*n)++] = outcomes[i].server;
    return names ? serverlist_parts(names, *n, parts) : NULL;
}

static void no_memory_for(const char *event, const struct run *run) {
    log_warning(event, LOG_S("detail", "no memory for the list of servers"), LOG_S("run", run->id));
}

void entries_begin(const struct run *run, const struct outcome *outcomes) {
    size_t n, count;
    cleanup(free_ptr) char **parts = list_servers(run, outcomes, outcome_is_open, &n, &count);
    if (!parts)
        no_memory_for("servers to benchmark", run);
    else
        log_info("servers to benchmark", LOG_I("count", (int64_t)n),
                 LOG_L("servers", (const char *const *)parts, count), LOG_S("run", run->id));
}

void entries_end(const struct run *run, const struct outcome *outcomes) {
    char event[96];
    snprintf(event, sizeof(event), "Out of %zu, %zu servers failed.", run->total,
             run->total - run->passed);
    size_t n, count;
    cleanup(free_ptr) char **parts = list_servers(run, outcomes, did_not_pass, &n, &count);
    if (!parts)
        no_memory_for(event, run);
    else
        log_info(event, LOG_L("failed_servers", (const char *const *)parts, count));
}

void entries_share(const struct run *run) {
    log_info("worker done with the run", LOG_S("run", run->id),
             LOG_I("passed", (int64_t)run->passed), LOG_I("total", (int64_t)run->total));
}

void entries_lingering(const struct run *run, size_t left, int64_t linger) {
    char text[DURATION_TEXT];
    duration_format(linger, text);
    log_warning("agents go on without muster: resume takes up what they do",
                LOG_I("servers", (int64_t)left), LOG_S("linger", text), LOG_S("run", run->id));
}
