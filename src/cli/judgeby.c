/*
 * judgeby: what `muster judge` judges by: the benchmarks and the directions of the metrics that are
 * in the file, what the configuration says of them, and the baselines. See judging.h.
 */
#include "cli/cli.h"
#include "cli/judging.h"
#include "model/stats.h"
#include "store/store.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* SuperBench's: 0 when the benchmark ended well. */
bool judging_is_return_code(const char *metric) {
    return strncmp(metric, "return_code", 11) == 0 && (metric[11] == '\0' || metric[11] == ':');
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
    return false;
}

/* Sets what is better of each metric, and notes those whose name alone decided. */
static int find_directions(struct judging *j, struct error *err) {
    struct str guessed = {0};
    size_t n = 0;
    for (size_t i = 0; i < j->in.metric_count; i++) {
        const struct measured_metric *m = &j->in.metrics[i];
        const char *key = j->in.keys.items[i];
        if (matches(&j->words.lower, key) || matches(&j->words.higher, key))
            j->lower[i] = !matches(&j->words.higher, key);
        else if (m->better != BETTER_UNSAID)
            j->lower[i] = m->better == BETTER_LOWER;
        else if ((j->lower[i] = sounds_lower(m->metric)) && n++ < 5)
            str_addf(&guessed, "%s%s", n > 1 ? ", " : "", key);
    }
    if (n == 0)
        return 0;
    struct str note = {0};
    str_addf(&note, "lower is better, by the name, of %s", guessed.data ? guessed.data : "");
    if (n > 5)
        str_addf(&note, " and %zu more", n - 5);
    note.failed |= guessed.failed;
    str_done(&guessed);
    return findings_note(&j->found, str_take(&note), err);
}

static int find_benchmarks(struct judging *j, struct error *err) {
    const struct measurements *in = &j->in;
    j->judged = calloc(in->metric_count + 1, sizeof(*j->judged));
    j->benchmark_of = calloc(in->metric_count + 1, sizeof(*j->benchmark_of));
    j->lower = calloc(in->metric_count + 1, sizeof(*j->lower));
    if (!j->judged || !j->benchmark_of || !j->lower)
        return error_memory(err);
    for (size_t i = 0; i < in->metric_count; i++) {
        const char *name = in->metrics[i].benchmark;
        if (names_add(&j->benchmarks, name, strlen(name)) < 0)
            return error_memory(err);
        size_t b = names_find(&j->benchmarks, name, strlen(name));
        j->benchmark_of[i] = b;
        if (!j->judged[b].name)
            j->judged[b] = (struct judged){.name = name, .metric = SIZE_MAX};
        if (j->judged[b].metric == SIZE_MAX && !judging_is_return_code(in->metrics[i].metric))
            j->judged[b].metric = i;
    }
    return 0;
}

/* The configuration may give a threshold to what is in the file, as to what is built in. */
static int read_config(struct judging *j, struct error *err) {
    static const struct parameter none = {0};
    size_t n = 0, files = j->benchmarks.count, built_in = 0;
    while (plan_builtins(false)[built_in].name)
        built_in++;
    if (!(j->known = calloc(files + built_in + 1, sizeof(*j->known))))
        return error_memory(err);
    for (; n < built_in; n++)
        j->known[n] = plan_builtins(false)[n];
    for (size_t i = 0; i < files; i++)
        j->known[n++] = (struct builtin){
            .name = j->judged[i].name, .about = "", .trials = 1, .parameters = &none};
    return cli_config_of(j->words.config, j->known, &j->config, err);
}

static const struct config_benchmark *configured(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->benchmark_count; i++)
        if (strcmp(c->benchmarks[i].name, name) == 0)
            return &c->benchmarks[i];
    return NULL;
}

static double first_number(double a, double b, double c) {
    return !isnan(a) ? a : !isnan(b) ? b : c;
}

static void make_plan(struct judging *j, struct judged *b) {
    const struct config_benchmark *c = configured(&j->config, b->name);
    b->plan = (struct benchmark_plan){
        .name = b->name,
        .reference = c ? c->reference : NAN,
        .threshold = first_number(c ? c->threshold : NAN, j->run.threshold, PLAN_THRESHOLD),
        .trials = 1};
    b->configured = c;
    if (!c || !c->metric)
        return;
    struct str key = {0};
    str_addf(&key, "%s/%s", b->name, c->metric);
    size_t at = key.failed ? NAMES_NONE : names_find(&j->in.keys, key.data, key.len);
    str_done(&key);
    if (at == NAMES_NONE)
        b->lacks = c->metric;
    else
        b->metric = at;
}

int judging_prepare(struct judging *j, struct error *err) {
    if (find_benchmarks(j, err) < 0 || read_config(j, err) < 0 || find_directions(j, err) < 0)
        return -1;
    if (j->words.outliers == OUTLIERS_NOT_GIVEN)
        j->words.outliers = j->config.outliers;
    if (j->words.outliers == OUTLIERS_NOT_GIVEN)
        j->words.outliers = OUTLIERS_FAIL;
    j->run.threshold = first_number(j->words.threshold, j->config.threshold, PLAN_THRESHOLD);
    for (size_t i = 0; i < j->benchmarks.count; i++)
        make_plan(j, &j->judged[i]);
    struct store *store;
    if (store_open(j->words.store, STORE_READ, &store, err) < 0)
        /* nothing was ever run here, so there are no baselines */
        return j->words.store || err->os != ENOENT ? -1 : 0;
    int rc = store_baselines(store, &j->baselines, err);
    store_close(store);
    return rc;
}
