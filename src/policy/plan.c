/* plan: see plan.h. */
#include "policy/plan.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "base/vec.h"
#include "policy/backoff.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

static const struct parameter no_parameters[] = {{.name = NULL}};

/* All that are built in, so that a configuration for real servers can be tried; the first of them
 * are a simulated server's own. */
static const struct builtin simulated_builtins[] = {
    {.name = "cpu", .about = "a score that is drawn", .trials = 1, .parameters = no_parameters},
    {.name = "gpu", .about = "a score that is drawn", .trials = 1, .parameters = no_parameters},
    {.name = "memory", .about = "a score that is drawn", .trials = 1, .parameters = no_parameters},
    {.name = "disk", .about = "a score that is drawn", .trials = 1, .parameters = no_parameters},
    {.name = NULL},
};
enum { SIMULATED_OWN = 2 };

static const struct builtin *find_builtin(const struct builtin *table, const char *name) {
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static const struct config_benchmark *find_configured(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->benchmark_count; i++)
        if (strcmp(c->benchmarks[i].name, name) == 0)
            return &c->benchmarks[i];
    return NULL;
}

static const struct benchmark_plan *find_planned(const struct plan *p, const char *name) {
    for (size_t i = 0; i < p->benchmark_count; i++)
        if (strcmp(p->benchmarks[i].name, name) == 0)
            return &p->benchmarks[i];
    return NULL;
}

static int unknown_benchmark(const struct config *config, const struct builtin *table,
                             const char *name, struct error *err) {
    const char *known[64];
    size_t n = 0;
    for (; table->name && n + 1 < ARRAY_LEN(known); table++)
        known[n++] = table->name;
    for (size_t i = 0; i < config->benchmark_count && n + 1 < ARRAY_LEN(known); i++)
        known[n++] = config->benchmarks[i].name;
    known[n] = NULL;
    const char *near = config_nearest(name, known);
    return error_set(err, ERROR_USAGE, "unknown benchmark '%.64s'%s%s%s: see `muster benchmarks`",
                     name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static int copy_env(const struct config_benchmark *from, struct benchmark_plan *to) {
    to->env = calloc(from->env_count + 1, sizeof(*to->env));
    if (!to->env)
        return -1;
    for (size_t i = 0; i < from->env_count; i++)
        to->env[to->env_count++] = (struct wire_env){from->env[i].name, from->env[i].value};
    return 0;
}

static const struct config_parameter *find_set(const struct config_benchmark *c, const char *name) {
    for (size_t i = 0; c && i < c->parameter_count; i++)
        if (strcmp(c->parameters[i].of->name, name) == 0)
            return &c->parameters[i];
    return NULL;
}

/* What the agent is told beside its own defaults: what is configured, and what a quick run cuts. */
static char *parameters_of(const struct builtin *builtin, const struct config_benchmark *c,
                           bool quick) {
    struct str s = {0};
    str_add_char(&s, '{');
    for (const struct parameter *p = builtin->parameters; p->name; p++) {
        const struct config_parameter *set = find_set(c, p->name);
        if (!set && (!quick || p->quick == p->fallback))
            continue;
        str_addf(&s, "%s\"%s\":", s.len > 1 ? "," : "", p->name);
        if (set && set->text)
            text_add_json(&s, set->text, strlen(set->text));
        else
            str_add_int(&s, set ? set->number : p->quick);
    }
    str_add_char(&s, '}');
    return str_take(&s);
}

static int add_builtin(const struct builtin *builtin, const struct config_benchmark *c, bool quick,
                       const struct references *references, struct benchmark_plan *b,
                       struct error *err) {
    b->trials = quick ? 1 : builtin->trials;
    b->required = c && c->required;
    b->references = references;
    b->parameters = parameters_of(builtin, c, quick);
    return b->parameters ? 0 : error_memory(err);
}

/* One trial shows no noise, so that nothing asks for a second one. */
static int max_trials_of(int trials, int set) {
    return trials == 1 ? 1 : set > 0 ? set : PLAN_MORE_TRIALS * trials;
}

/* What the configuration says wins over what is built in. */
static int add(const struct config *config, const struct builtin *table, const char *name,
               bool quick, struct plan *plan, size_t *cap, struct error *err) {
    const struct builtin *builtin = find_builtin(table, name);
    const struct config_benchmark *c = find_configured(config, name);
    if (!c && !builtin)
        return unknown_benchmark(config, table, name, err);
    if (find_planned(plan, name))
        return 0;
    if (vec_reserve(&plan->benchmarks, cap, plan->benchmark_count + 1, sizeof(*plan->benchmarks)))
        return error_memory(err);
    struct benchmark_plan *b = &plan->benchmarks[plan->benchmark_count++];
    *b = (struct benchmark_plan){.name = c ? c->name : builtin->name,
                                 .reference = NAN,
                                 .threshold = plan->threshold,
                                 .timeout = PLAN_TIMEOUT,
                                 .trials = 1};
    if (builtin && !(c && c->command) &&
        add_builtin(builtin, c, quick, plan->references, b, err) < 0)
        return -1;
    b->max_trials = max_trials_of(b->trials, 0);
    if (!c)
        return 0;
    b->command = c->command;
    b->extract = c->extract;
    if (copy_env(c, b) < 0)
        return error_memory(err);
    b->needs = c->needs;
    b->metric = c->metric;
    b->unit = c->unit;
    b->lower_is_better = c->lower_is_better;
    b->reference = c->reference;
    if (!isnan(c->threshold))
        b->threshold = c->threshold;
    if (c->timeout > 0)
        b->timeout = c->timeout;
    if (c->trials > 0)
        b->trials = c->trials;
    b->max_trials = max_trials_of(b->trials, c->max_trials);
    return 0;
}

/* -b a,b */
static int add_listed(const struct config *config, const struct builtin *table, const char *list,
                      bool quick, struct plan *plan, size_t *cap, struct error *err) {
    for (const char *p = list;;) {
        size_t len = strcspn(p, ",");
        cleanup(free_ptr) char *name = strndup(p, len);
        if (!name)
            return error_memory(err);
        if (len == 0)
            return error_set(err, ERROR_USAGE, "an empty name in the list of benchmarks '%.80s'",
                             list);
        if (add(config, table, name, quick, plan, cap, err) < 0)
            return -1;
        if (!p[len])
            return 0;
        p += len + 1;
    }
}

static int add_all(const struct config *config, const struct plan_options *options,
                   struct plan *plan, struct error *err) {
    const struct builtin *table = options->simulated ? simulated_builtins : builtins;
    size_t cap = 0;
    if (options->benchmarks && strcmp(options->benchmarks, "none") == 0)
        return 0;
    if (options->benchmarks)
        return add_listed(config, table, options->benchmarks, options->quick, plan, &cap, err);
    for (size_t i = 0; i < config->benchmark_count; i++)
        if (add(config, table, config->benchmarks[i].name, options->quick, plan, &cap, err) < 0)
            return -1;
    if (config->benchmark_count == 0)
        for (int i = 0; table[i].name && !(options->simulated && i == SIMULATED_OWN); i++)
            if (add(config, table, table[i].name, options->quick, plan, &cap, err) < 0)
                return -1;
    return 0;
}

/*
 * Without a time-out of its own a server has what its parts may take at most, so that it has one
 * however its agent behaves.
 */
static int64_t sum_of_parts(const struct plan *plan) {
    int64_t sum;
    if (__builtin_add_overflow(PLAN_SESSION_TIMEOUT, plan->busy_wait, &sum) ||
        __builtin_add_overflow(sum, plan->linger, &sum))
        return DEADLINE_NEVER;
    for (size_t i = 0; i < plan->benchmark_count; i++) {
        const struct benchmark_plan *b = &plan->benchmarks[i];
        int64_t all;
        if (__builtin_mul_overflow(b->timeout, b->max_trials, &all) ||
            __builtin_add_overflow(all, plan->settle, &all) ||
            __builtin_add_overflow(sum, all, &sum))
            return DEADLINE_NEVER;
    }
    return sum;
}

static int take_limits(struct plan *plan, const struct label_limits *from, struct error *err) {
    for (size_t i = 0; i < from->count; i++)
        if (label_limits_set(&plan->limits, from->items[i].key, from->items[i].most) < 0)
            return error_memory(err);
    return 0;
}

static int load_references(struct plan *plan, struct error *err) {
    plan->references = calloc(1, sizeof(*plan->references));
    return plan->references ? references_builtin(plan->references, err) : error_memory(err);
}

int plan_make(const struct config *config, const struct plan_options *options, struct plan *ret,
              struct error *err) {
    struct plan plan = {
        .threshold = !isnan(options->threshold)  ? options->threshold
                     : !isnan(config->threshold) ? config->threshold
                                                 : PLAN_THRESHOLD,
        .fanout = options->fanout  ? options->fanout
                  : config->fanout ? config->fanout
                                   : PLAN_FANOUT,
        .kinds = config->kinds,
        .kind_count = config->kind_count,
        .settle = config->settle >= 0 ? config->settle : PLAN_SETTLE,
        .heartbeat = config->heartbeat,
        .lease = config->lease,
        .busy_wait = options->busy_wait >= 0 ? options->busy_wait : config->busy_wait,
        .linger = options->linger >= 0 ? options->linger : config->linger,
        .start_timeout =
            config->ssh.login_timeout > 0 ? config->ssh.login_timeout : PLAN_START_TIMEOUT,
        .run_timeout = config->run_timeout > 0 ? config->run_timeout : DEADLINE_NEVER,
        .retries = options->retries >= 0  ? options->retries
                   : config->retries >= 0 ? config->retries
                                          : PLAN_RETRIES,
        .longest_pause = options->longest_pause > 0 ? options->longest_pause : BACKOFF_LONGEST,
        .outliers = options->outliers  ? options->outliers
                    : config->outliers ? config->outliers
                                       : OUTLIERS_WARN,
        .longest_first = options->longest_first || config->longest_first,
        .max_errors =
            options->max_errors.kind != SHARE_NONE ? options->max_errors : config->max_errors,
    };
    if (take_limits(&plan, &config->limits, err) < 0 ||
        take_limits(&plan, &options->limits, err) < 0 ||
        (!options->simulated && load_references(&plan, err) < 0) ||
        add_all(config, options, &plan, err) < 0) {
        plan_done(&plan);
        return -1;
    }
    plan.server_timeout = options->server_timeout > 0 ? options->server_timeout
                          : config->timeout > 0       ? config->timeout
                                                      : sum_of_parts(&plan);
    *ret = plan;
    return 0;
}

void plan_done(struct plan *p) {
    for (size_t i = 0; i < p->benchmark_count; i++)
        free(p->benchmarks[i].env), free(p->benchmarks[i].parameters);
    free(p->benchmarks);
    if (p->references)
        references_done(p->references);
    free(p->references);
    label_limits_done(&p->limits);
    *p = (struct plan){0};
}

struct benchmark_plan plan_for_kind(const struct plan *p, size_t benchmark, const char *kind) {
    struct benchmark_plan b = p->benchmarks[benchmark];
    /* from behind, so that the first one has the last word */
    for (size_t i = p->kind_count; kind && i-- > 0;) {
        const struct config_kind *k = &p->kinds[i];
        if (fnmatch(k->pattern, kind, 0) != 0)
            continue;
        for (size_t j = 0; j < k->limit_count; j++) {
            const struct config_limit *limit = &k->limits[j];
            if (strcmp(limit->benchmark, b.name) != 0)
                continue;
            b.threshold = isnan(limit->threshold) ? b.threshold : limit->threshold;
            b.reference = isnan(limit->reference) ? b.reference : limit->reference;
        }
    }
    return b;
}
