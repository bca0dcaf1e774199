/*
 * judgeby: what `muster judge` judges by. See judging.h.
 *
 * The configuration may name, as a benchmark, anything that a name in the file begins with, and
 * what it names is one. So the names come first, then the configuration, then the benchmarks.
 */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/judging.h"
#include "store/store.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define READINGS "monitor" /* SuperBench's: sensors, which are neither good nor bad */

bool judging_is_return_code(const char *metric) {
    const char *slash = strrchr(metric, '/'), *name = slash ? slash + 1 : metric;
    return strncmp(name, "return_code", 11) == 0 && measurements_rank(name) == 11;
}

bool judging_is_scored(const struct scored *scored, const char *metric) {
    size_t len = scored->len;
    return scored->name && strncmp(metric, scored->name, len) == 0 &&
           (metric[len] == '\0' || measurements_rank(metric) == len);
}

/* ---- the configuration ---- */

/* All that it may name: what is built in, metrics without their rank, and what is before a slash.
 */
static int find_names(const struct measurements *in, struct names *ret) {
    for (const struct builtin *b = builtins; b->name; b++)
        if (names_add(ret, b->name, strlen(b->name)) < 0)
            return -1;
    for (size_t i = 0; i < in->keys.count; i++) {
        const char *key = in->keys.items[i], *slash;
        for (size_t len = measurements_rank(key); len > 0; len = slash ? slash - key : 0) {
            if (names_add(ret, key, len) < 0)
                return -1;
            slash = memrchr(key, '/', len);
        }
    }
    return 0;
}

/* It may give a threshold to what is in the file, as to what is built in. */
static int read_config(struct judging *j, struct error *err) {
    static const struct parameter none = {0};
    cleanup(names_done) struct names names = {0};
    const struct builtin *built_in = builtins;
    if (find_names(&j->in, &names) < 0)
        return error_memory(err);
    cleanup(free_ptr) struct builtin *known = calloc(names.count + 1, sizeof(*known));
    if (!known)
        return error_memory(err);
    for (size_t i = 0; i < names.count; i++) {
        known[i] = built_in->name ? *built_in++
                                  : (struct builtin){.about = "", .trials = 1, .parameters = &none};
        known[i].name = names.items[i];
    }
    return cli_config_of(j->words.config, known, &j->config, err);
}

/* What it names is a benchmark. */
static int regroup(struct judging *j, struct error *err) {
    cleanup(names_done) struct names names = {0};
    const struct config *c = &j->config;
    int rc = 0;
    for (size_t i = 0; i < c->benchmark_count; i++)
        rc |= names_add(&names, c->benchmarks[i].name, strlen(c->benchmarks[i].name));
    for (size_t i = 0; i < c->kind_count; i++)
        for (size_t k = 0; k < c->kinds[i].limit_count; k++) {
            const char *name = c->kinds[i].limits[k].benchmark;
            rc |= names_add(&names, name, strlen(name));
        }
    return rc < 0 ? error_memory(err) : measurements_regroup(&j->in, &names, err);
}

static const struct config_benchmark *configured(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->benchmark_count; i++)
        if (strcmp(c->benchmarks[i].name, name) == 0)
            return &c->benchmarks[i];
    return NULL;
}

/* ---- benchmarks ---- */

static double first_number(double a, double b, double c) {
    return !isnan(a) ? a : !isnan(b) ? b : c;
}

static int add_benchmark(struct judging *j, const char *name, size_t *cap, size_t *scored_cap) {
    size_t n = j->benchmarks.count;
    const struct config_benchmark *c = configured(&j->config, name);
    if (vec_reserve(&j->plan.benchmarks, cap, n + 1, sizeof(*j->plan.benchmarks)) < 0 ||
        vec_reserve(&j->scored, scored_cap, n + 1, sizeof(*j->scored)) < 0 ||
        names_add(&j->benchmarks, name, strlen(name)) < 0)
        return -1;
    j->plan.benchmarks[j->plan.benchmark_count++] =
        (struct benchmark_plan){.name = name,
                                .reference = c ? c->reference : NAN,
                                .threshold = c ? c->threshold : NAN,
                                .trials = 1};
    const char *metric = c ? c->metric : NULL;
    j->scored[n] = (struct scored){metric, metric ? strlen(metric) : 0, c != NULL};
    return 0;
}

/* The first of its metrics in the file is scored, unless the configuration names one. */
static int find_benchmarks(struct judging *j, struct error *err) {
    size_t cap = 0, scored_cap = 0;
    j->plan.kinds = j->config.kinds;
    j->plan.kind_count = j->config.kind_count;
    for (size_t i = 0; i < j->in.metric_count; i++) {
        const struct measured_metric *m = &j->in.metrics[i];
        if (!names_has(&j->benchmarks, m->benchmark) &&
            add_benchmark(j, m->benchmark, &cap, &scored_cap) < 0)
            return error_memory(err);
        struct scored *s =
            &j->scored[names_find(&j->benchmarks, m->benchmark, strlen(m->benchmark))];
        if (!s->name && !judging_is_return_code(m->metric))
            *s = (struct scored){m->metric, measurements_rank(m->metric), s->named};
    }
    return 0;
}

/* ---- what is better ---- */

/* Of a pattern that fits nothing, the metric that it is about may be judged the wrong way round. */
static int note_idle(struct judging *j, const char *option, const struct patterns *p,
                     struct error *err) {
    struct judging_list idle = {0};
    cleanup(str_done) struct str what = {0};
    for (size_t i = 0; i < p->count; i++) {
        bool fits = false;
        for (size_t k = 0; !fits && k < j->in.keys.count; k++)
            fits = fnmatch(p->items[i], j->in.keys.items[k], 0) == 0;
        if (!fits)
            judging_list_add(&idle, p->items[i]);
    }
    str_addf(&what, "no metric, by its whole name BENCHMARK/METRIC, fits %s", option);
    idle.text.failed |= what.failed;
    return judging_note(j, what.data ? what.data : "", &idle, err);
}

static bool matches(const struct patterns *p, const char *name) {
    for (size_t i = 0; i < p->count; i++)
        if (fnmatch(p->items[i], name, 0) == 0)
            return true;
    return false;
}

/* Of a metric of which nobody says what is better. */
static bool sounds_lower(const char *metric) {
    static const char *const words[] = {"time",     "latency", "overhead", "cost",
                                        "duration", "delay",   "seconds"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcasestr(metric, words[i]))
            return true;
    /* as a word: read_lat_ns, not flat */
    for (const char *at = metric; (at = strcasestr(at, "lat")); at += 3)
        if ((at == metric || !isalpha((unsigned char)at[-1])) && !isalpha((unsigned char)at[3]))
            return true;
    return false;
}

/* What the command line, the configuration or the file says; else BETTER_UNSAID. */
static enum better said(const struct judging *j, size_t metric) {
    const struct measured_metric *m = &j->in.metrics[metric];
    const char *key = j->in.keys.items[metric];
    size_t b = names_find(&j->benchmarks, m->benchmark, strlen(m->benchmark));
    const struct config_benchmark *c = configured(&j->config, m->benchmark);
    bool is_scored = c && judging_is_scored(&j->scored[b], m->metric);
    if (matches(&j->words.higher, key))
        return BETTER_HIGHER;
    if (matches(&j->words.lower, key) || (is_scored && c->lower_is_better))
        return BETTER_LOWER;
    /* a command's value is judged as a run judges it */
    return m->better == BETTER_UNSAID && is_scored && c->command ? BETTER_HIGHER : m->better;
}

/* Sets what is better of each metric, and notes those whose name alone decided. */
static int find_directions(struct judging *j, struct error *err) {
    struct judging_list guessed = {0}, readings = {0};
    if (!(j->better = calloc(j->in.metric_count + 1, sizeof(*j->better))))
        return error_memory(err);
    for (size_t i = 0; i < j->in.metric_count; i++) {
        const struct measured_metric *m = &j->in.metrics[i];
        j->better[i] = said(j, i);
        if (j->better[i] != BETTER_UNSAID)
            continue;
        if (strcmp(m->benchmark, READINGS) == 0 && !configured(&j->config, READINGS)) {
            judging_list_add(&readings, j->in.keys.items[i]);
            continue;
        }
        j->better[i] = sounds_lower(m->metric) ? BETTER_LOWER : BETTER_HIGHER;
        if (j->better[i] == BETTER_LOWER)
            judging_list_add(&guessed, j->in.keys.items[i]);
    }
    int rc = judging_note(j, "lower is better, by the name, of", &guessed, err);
    int rc2 = judging_note(j, "not judged, as nobody says what is better of them:", &readings, err);
    if (rc < 0 || rc2 < 0 || note_idle(j, "--lower-is-better", &j->words.lower, err) < 0)
        return -1;
    return note_idle(j, "--higher-is-better", &j->words.higher, err);
}

static int note_labels(struct judging *j, struct error *err) {
    struct judging_list labels = {0};
    for (size_t i = 0; i < j->in.labels.count; i++)
        judging_list_add(&labels, j->in.labels.items[i]);
    return judging_note(j, "not judged, as no line has a number of them:", &labels, err);
}

/* ---- all of it ---- */

static int read_baselines(struct judging *j, struct error *err) {
    struct store *store;
    if (store_open(j->words.store, STORE_READ, &store, err) < 0)
        /* nothing was ever run here, so there are none */
        return j->words.store || err->os != ENOENT ? -1 : 0;
    int rc = store_baselines(store, &j->baselines, err);
    store_close(store);
    return rc;
}

int judging_prepare(struct judging *j, struct error *err) {
    if (read_config(j, err) < 0 || regroup(j, err) < 0)
        return -1;
    if (j->words.outliers == OUTLIERS_NOT_GIVEN)
        j->words.outliers = j->config.outliers;
    if (j->words.outliers == OUTLIERS_NOT_GIVEN)
        j->words.outliers = OUTLIERS_FAIL;
    j->plan.threshold = first_number(j->words.threshold, j->config.threshold, PLAN_THRESHOLD);
    j->run.threshold = j->plan.threshold;
    if (find_benchmarks(j, err) < 0 || find_directions(j, err) < 0 || note_labels(j, err) < 0)
        return -1;
    return read_baselines(j, err);
}
