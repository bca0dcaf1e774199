/*
 * planlist: see planlist.h.
 *
 *     20 servers: web[01-20]
 *
 *     cpu       3 to 9 trials of at most 60s, threshold 50, reference: baselines of 2 kinds, else
 * built-in duration    300ms openssl   1 trial of at most 30s, threshold 80, reference: 4000000
 * (configuration) command     openssl speed -seconds 1 ... of kind EPYC 9654*, threshold 80,
 * reference 48000000
 *
 *     fan-out    20
 *     deadlines  of a server 27m, of the run none
 *     ...
 *     takes      about 45s, by what 18 of the 20 servers took in earlier runs; 9h at most, by the
 *                deadlines
 *
 * Which reference holds is known when a server has told its kind, so all that may hold are named.
 * Pure.
 */
#include "report/planlist.h"

#include "base/clock.h"
#include "base/text.h"
#include "report/serverlist.h"
#include "wire/jsontext.h"

#include <math.h>
#include <string.h>

/* ---- what both forms say ---- */

/* Kinds that have a baseline of the benchmark; they stand in the order of kinds. */
static size_t baseline_kinds(const struct planned *p, const char *benchmark) {
    const struct baselines *list = p->plan->baselines;
    const char *last = NULL;
    size_t n = 0;
    for (size_t i = 0; list && i < list->count; i++) {
        const struct baseline *b = &list->items[i];
        if (strcmp(b->benchmark, benchmark) != 0 || (last && strcmp(last, b->kind) == 0))
            continue;
        last = b->kind;
        n++;
    }
    return n;
}

static void add_names(struct str *out, const struct servers *servers) {
    const char **names = calloc(servers->count + 1, sizeof(*names));
    if (!names) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < servers->count; i++)
        names[i] = servers->items[i].name;
    serverlist_add(out, names, servers->count);
    free(names);
}

/* About so many, or no more than so many: in whole minutes or hours where they are many. */
static void add_seconds(struct str *out, double seconds, double (*to_whole)(double)) {
    char text[DURATION_TEXT];
    double step = seconds < 10 ? 0.1 : seconds < 100 ? 1 : seconds < 6000 ? 60 : 3600;
    double whole = step * to_whole(seconds / step);
    duration_format((int64_t)round(whole * 1000) * CLOCK_MS, text);
    str_add(out, whole > 0 ? text : "0s");
}

static void add_duration(struct str *out, int64_t ns) {
    char text[DURATION_TEXT];
    duration_format(ns, text);
    str_add(out, ns == DEADLINE_NEVER ? "none" : text);
}

/* Names the benchmarks that tell what they take, or the others; returns the others' longest on a
 * server. */
static double add_telling(struct str *out, const struct plan *plan, bool tell) {
    double most = 0;
    const char *between = "";
    for (size_t i = 0; i < plan->benchmark_count; i++) {
        const struct benchmark_plan *b = &plan->benchmarks[i];
        if (forecast_tells(b) != tell)
            continue;
        str_addf(out, "%s%s", between, b->name);
        between = ", ";
        most += (double)b->max_trials * (double)b->timeout / (double)CLOCK_S;
    }
    return most;
}

/* What is known where a command has not been run yet: the rest, and the command's deadlines. */
static void add_untold(struct str *out, const struct planned *p) {
    if (!isnan(p->forecast.part)) {
        str_add(out, "about ");
        add_seconds(out, p->forecast.part, round);
        str_add(out, " for ");
        add_telling(out, p->plan, true);
        str_add(out, "; ");
    }
    str_add(out, "no earlier run tells of ");
    double most = add_telling(out, p->plan, false);
    str_add(out, ", whose trials may take ");
    add_seconds(out, most, ceil);
    str_add(out, " on a server");
}

/* Where the seconds are from, as a sentence's end. */
static void add_source(struct str *out, const struct planned *p) {
    const struct forecast *f = &p->forecast;
    size_t n = p->servers->count;
    if (f->source == FORECAST_HISTORY && f->known == n)
        str_addf(out, "by what %s took in earlier runs", n == 1 ? "the server" : "the servers");
    else if (f->source == FORECAST_HISTORY)
        str_addf(out, "by what %zu of the %zu servers took in earlier runs", f->known, n);
    else if (f->source == FORECAST_DEFAULTS)
        str_add(out, "by what the benchmarks take by themselves; no earlier run tells");
    else
        add_untold(out, p);
}

/* ---- for people ---- */

static void add_reference(struct str *out, const struct planned *p,
                          const struct benchmark_plan *b) {
    size_t kinds = baseline_kinds(p, b->name);
    const char *rest = b->references ? "built-in" : "none, the value is the score";
    str_add(out, "reference: ");
    if (!isnan(b->reference))
        str_addf(out, "%.10g (configuration)", b->reference);
    else if (kinds > 0)
        str_addf(out, "baseline%s of %zu kind%s, else %s", kinds > 1 ? "s" : "", kinds,
                 kinds > 1 ? "s" : "", rest);
    else
        str_add(out, rest);
}

static void add_shown(struct str *out, const char *key, const char *text) {
    str_addf(out, "  %-10s ", key);
    text_add_printable(out, text, strlen(text), 400);
    str_add_char(out, '\n');
}

static const struct parameter *find_parameter(const char *benchmark, const char *name) {
    for (const struct builtin *b = builtins; b->name; b++)
        for (const struct parameter *p = b->parameters; strcmp(b->name, benchmark) == 0 && p->name;
             p++)
            if (strcmp(p->name, name) == 0)
                return p;
    return NULL;
}

static void add_size(struct str *out, int64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes != 0 && bytes % 1024 == 0 && unit + 1 < ARRAY_LEN(units); unit++)
        bytes /= 1024;
    str_add_int(out, bytes);
    str_add(out, units[unit]);
}

static void add_parameter(struct str *out, const char *benchmark, const char *name,
                          const json_t *value) {
    const struct parameter *p = find_parameter(benchmark, name);
    cleanup(str_done) struct str text = {0};
    if (json_is_string(value))
        str_add(&text, json_string_value(value));
    else if (p && p->kind == PARAMETER_DURATION)
        add_duration(&text, json_integer_value(value));
    else if (p && p->kind == PARAMETER_BYTES)
        add_size(&text, json_integer_value(value));
    else if (p && p->kind == PARAMETER_FLAG)
        str_add(&text, json_integer_value(value) ? "true" : "false");
    else
        str_add_int(&text, json_integer_value(value));
    out->failed |= text.failed;
    if (!text.failed)
        add_shown(out, name, text.data ? text.data : "");
}

/* Those that are not the defaults. */
static void add_parameters(struct str *out, const struct benchmark_plan *b) {
    struct error ignored;
    json_t *given = b->parameters ? jsontext_read(b->parameters, &ignored) : NULL, *value;
    const char *name;
    json_object_foreach(given, name, value) add_parameter(out, b->name, name, value);
    json_decref(given);
}

static void add_limits(struct str *out, const struct plan *plan, const char *benchmark) {
    for (size_t i = 0; i < plan->kind_count; i++)
        for (size_t j = 0; j < plan->kinds[i].limit_count; j++) {
            const struct config_limit *limit = &plan->kinds[i].limits[j];
            if (strcmp(limit->benchmark, benchmark) != 0)
                continue;
            str_add(out, "  of kind ");
            text_add_printable(out, plan->kinds[i].pattern, strlen(plan->kinds[i].pattern), 200);
            if (!isnan(limit->threshold))
                str_addf(out, ", threshold %.10g", limit->threshold);
            if (!isnan(limit->reference))
                str_addf(out, ", reference %.10g", limit->reference);
            str_add_char(out, '\n');
        }
}

static void add_benchmark(struct str *out, const struct planned *p,
                          const struct benchmark_plan *b) {
    str_addf(out, "%-12s %d", b->name, b->trials);
    if (b->max_trials > b->trials)
        str_addf(out, " to %d", b->max_trials);
    str_addf(out, " trial%s of at most ", b->max_trials > 1 ? "s" : "");
    add_duration(out, b->timeout);
    str_addf(out, ", threshold %.10g, ", b->threshold);
    add_reference(out, p, b);
    str_add_char(out, '\n');
    if (b->command)
        add_shown(out, "command", b->command);
    if (b->needs)
        add_shown(out, "needs", b->needs);
    add_parameters(out, b);
    add_limits(out, p->plan, b->name);
}

static void add_limits_of_run(struct str *out, const struct planned *p) {
    static const char *const peers[] = {[OUTLIERS_FAIL] = "an outlier fails",
                                        [OUTLIERS_WARN] = "an outlier is told",
                                        [OUTLIERS_OFF] = "not compared"};
    const struct plan *plan = p->plan;
    str_addf(out, "fan-out      %d", plan->fanout);
    if (plan->fanout < p->asked)
        str_addf(out, ", as this machine has no room for %d", p->asked);
    str_add(out, "\ndeadlines    of a server ");
    add_duration(out, plan->server_timeout);
    str_add(out, ", of the run ");
    add_duration(out, plan->run_timeout);
    str_addf(out, "\nretries      %d, of servers unreachable or lost\n", plan->retries);
    if (plan->max_errors.kind != SHARE_NONE) {
        char share[SHARE_TEXT];
        share_format(plan->max_errors, share);
        str_addf(out, "stops        when more than %s cannot be judged\n", share);
    }
    str_addf(out, "peers        %s\n", peers[plan->outliers]);
    if (plan->longest_first)
        str_add(out, "order        the longest first\n");
    for (size_t i = 0; i < plan->limits.count; i++) {
        const struct label_limit *limit = &plan->limits.items[i];
        bool idle = !servers_have_label(p->servers, limit->key);
        str_addf(out, "%-13sat most %d at once of one %s%s\n", i ? "" : "limits", limit->most,
                 limit->key, idle ? ", a label that no server has" : "");
    }
}

static void add_takes(struct str *out, const struct planned *p) {
    str_add(out, "takes        ");
    if (p->plan->benchmark_count == 0) {
        str_add(out, "as long as connecting does");
    } else {
        if (!isnan(p->forecast.seconds)) {
            str_add(out, "about ");
            add_seconds(out, p->forecast.seconds, round);
            str_add(out, ", ");
        }
        add_source(out, p);
    }
    if (!isnan(p->forecast.at_most)) {
        str_add(out, "; ");
        add_seconds(out, p->forecast.at_most, ceil);
        str_add(out, " at most, by the deadlines");
    }
}

void planlist_add(struct str *out, const struct planned *p) {
    size_t n = p->servers->count;
    str_addf(out, "%zu server%s: ", n, n == 1 ? "" : "s");
    add_names(out, p->servers);
    str_add(out, "\n\n");
    for (size_t i = 0; i < p->plan->benchmark_count; i++)
        add_benchmark(out, p, &p->plan->benchmarks[i]);
    if (p->plan->benchmark_count == 0)
        str_add(out, "no benchmarks: connects and reads facts\n");
    str_add_char(out, '\n');
    add_limits_of_run(out, p);
    add_takes(out, p);
    str_add(out, "\n\nNothing was run.\n");
}

/* ---- as JSON ---- */

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *seconds(int64_t ns) {
    return ns == DEADLINE_NEVER ? json_null() : json_real((double)ns / (double)CLOCK_S);
}

static json_t *text(const char *s) {
    return s ? json_string(s) : json_null();
}

static json_t *server_names(const struct servers *servers) {
    json_t *list = json_array();
    for (size_t i = 0; i < servers->count; i++)
        if (json_array_append_new(list, json_string(servers->items[i].name)) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* From where a reference may come, the first that is there counting. */
static json_t *reference_sources(const struct planned *p, const struct benchmark_plan *b) {
    json_t *list = json_array();
    int rc = 0;
    if (!isnan(b->reference))
        rc |= json_array_append_new(list, json_string("configuration"));
    if (isnan(b->reference) && baseline_kinds(p, b->name) > 0)
        rc |= json_array_append_new(list, json_string("baseline"));
    if (isnan(b->reference) && b->references)
        rc |= json_array_append_new(list, json_string("built-in"));
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *limits_of(const struct plan *plan, const char *benchmark) {
    json_t *list = json_array();
    for (size_t i = 0; i < plan->kind_count; i++)
        for (size_t j = 0; j < plan->kinds[i].limit_count; j++) {
            const struct config_limit *limit = &plan->kinds[i].limits[j];
            if (strcmp(limit->benchmark, benchmark) != 0)
                continue;
            if (json_array_append_new(list,
                                      json_pack("{so so so}", "kind", text(plan->kinds[i].pattern),
                                                "threshold", number(limit->threshold), "reference",
                                                number(limit->reference))) < 0) {
                json_decref(list);
                return NULL;
            }
        }
    return list;
}

static json_t *benchmark_object(const struct planned *p, const struct benchmark_plan *b) {
    struct error ignored;
    json_t *parameters = b->parameters ? jsontext_read(b->parameters, &ignored) : json_object();
    return json_pack("{so so so si si so so so so so}", "benchmark", text(b->name), "command",
                     text(b->command), "parameters", parameters, "trials", b->trials, "max_trials",
                     b->max_trials, "timeout", seconds(b->timeout), "threshold",
                     number(b->threshold), "reference", number(b->reference), "reference_sources",
                     reference_sources(p, b), "kinds", limits_of(p->plan, b->name));
}

static json_t *benchmarks_array(const struct planned *p) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->plan->benchmark_count; i++)
        if (json_array_append_new(list, benchmark_object(p, &p->plan->benchmarks[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *limits_object(const struct plan *plan) {
    json_t *object = json_object();
    int rc = object ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < plan->limits.count; i++)
        rc = json_object_set_new(object, plan->limits.items[i].key,
                                 json_integer(plan->limits.items[i].most));
    if (rc == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *forecast_object(const struct forecast *f) {
    static const char *const sources[] = {
        [FORECAST_NONE] = NULL, [FORECAST_DEFAULTS] = "defaults", [FORECAST_HISTORY] = "history"};
    return json_pack("{so so so sI so}", "seconds", number(f->seconds), "source",
                     text(sources[f->source]), "part", number(f->part), "known",
                     (json_int_t)f->known, "at_most", number(f->at_most));
}

int planlist_json(FILE *out, const struct planned *p, struct error *err) {
    static const char *const outliers[] = {
        [OUTLIERS_FAIL] = "fail", [OUTLIERS_WARN] = "warn", [OUTLIERS_OFF] = "off"};
    const struct plan *plan = p->plan;
    char share[SHARE_TEXT] = "";
    if (plan->max_errors.kind != SHARE_NONE)
        share_format(plan->max_errors, share);
    json_t *object = json_pack(
        "{sI so so si so so si so ss sb so so}", "total", (json_int_t)p->servers->count, "servers",
        server_names(p->servers), "benchmarks", benchmarks_array(p), "fanout", plan->fanout,
        "timeout", seconds(plan->server_timeout), "run_timeout", seconds(plan->run_timeout),
        "retries", plan->retries, "max_errors", text(share[0] ? share : NULL), "outliers",
        outliers[plan->outliers], "longest_first", plan->longest_first, "limits",
        limits_object(plan), "takes", forecast_object(&p->forecast));
    if (!object)
        return error_memory(err);
    int rc = json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(object);
    fputc('\n', out);
    return rc < 0 && !ferror(out) ? error_memory(err) : 0;
}
