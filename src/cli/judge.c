/*
 * judge: `muster judge`, a run's judgement of numbers that others measured.
 *
 * The file is read first, then the configuration, which may name the benchmarks that are in it. A
 * server's result is made from its numbers twice rather than kept: once to judge it and for its row
 * of the cohort, and once more for the document. Nothing is written to the store.
 */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/vec.h"
#include "input/measurements.h"
#include "model/stats.h"
#include "policy/judge.h"
#include "policy/peers.h"
#include "report/document.h"
#include "report/summary.h"
#include "store/store.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: muster judge [OPTIONS] FILE\n\n"
    "Judges numbers that muster did not measure as it judges those of a run: by thresholds,\n"
    "references and baselines, and by the servers' peers. FILE may be - for standard input:\n"
    "JSON lines (SuperBench's results-summary.jsonl is read as it is), or CSV with a header.\n"
    "Nothing is kept in the store.\n\n"
    "  {\"server\": \"web1\", \"kind\": \"A\", \"memory/triad\": 187.3, \"disk/iops\": 51000}\n\n"
    "  -c, --config FILE  thresholds and references; without it ./muster.yaml, if there is one\n"
    "  -t, --threshold SCORE  of benchmarks that have none of their own (50)\n"
    "      --outliers fail|warn|off  what becomes of servers that are far worse than their\n"
    "                     peers, or lack what they have (fail, or as the configuration says)\n"
    "      --lower-is-better PATTERN, --higher-is-better PATTERN\n"
    "                     metrics (BENCHMARK/METRIC; * and ? as in a shell) of which less or\n"
    "                     more is better; else FILE says, or names such as *time* and *latency*\n"
    "      --ignore PATTERN  keys, columns and metrics that are passed over\n"
    "      --store URL    where baselines are kept\n"
    "      --json         print one JSON document instead, as `muster show --json` does\n"
    "      --help         this text\n";

enum { OPT_OUTLIERS = 512, OPT_LOWER, OPT_HIGHER, OPT_IGNORE };

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {"config", required_argument, NULL, 'c'},
    {"threshold", required_argument, NULL, 't'},
    {"outliers", required_argument, NULL, OPT_OUTLIERS},
    {"lower-is-better", required_argument, NULL, OPT_LOWER},
    {"higher-is-better", required_argument, NULL, OPT_HIGHER},
    {"ignore", required_argument, NULL, OPT_IGNORE},
    {NULL, 0, NULL, 0},
};

struct patterns {
    const char **items;
    size_t count, cap;
};

struct words {
    const char *file, *config, *store;
    enum outliers outliers;
    double threshold; /* NAN: not given */
    struct patterns lower, higher, ignored;
    bool json;
};

/* What is judged of a benchmark that is in the file. */
struct judged {
    const char *name;  /* of the first of its metrics */
    size_t metric;     /* the one that is scored; SIZE_MAX: it has none */
    const char *lacks; /* a metric that the configuration names, and the file has not */
    bool configured;   /* the configuration says something of it */
    struct benchmark_plan plan;
};

struct judging {
    struct measurements in;
    struct config config;
    struct baselines baselines;
    struct names benchmarks;
    struct judged *judged; /* one a benchmark, in their order */
    size_t *benchmark_of;  /* one a metric */
    bool *lower;           /* one a metric */
    struct builtin *known; /* what the configuration may name */
    struct cohort cohort;
    struct findings found;
    struct outcome *outcomes; /* one a server */
    char **findings;          /* one a server: as JSON, or NULL */
    struct str notes;
    struct run run;
    double *trials; /* room for those of one metric */
    struct words words;
};

static void judging_done(struct judging *j) {
    for (size_t i = 0; j->outcomes && i < j->in.servers.count; i++)
        outcome_done(&j->outcomes[i]);
    for (size_t i = 0; j->findings && i < j->in.servers.count; i++)
        free(j->findings[i]);
    free(j->outcomes);
    free(j->findings);
    free(j->judged);
    free(j->benchmark_of);
    free(j->lower);
    free(j->known);
    free(j->trials);
    free(j->words.lower.items);
    free(j->words.higher.items);
    free(j->words.ignored.items);
    str_done(&j->notes);
    cohort_done(&j->cohort);
    findings_done(&j->found);
    names_done(&j->benchmarks);
    baselines_done(&j->baselines);
    config_done(&j->config);
    measurements_done(&j->in);
}

/* ---- what there is to judge, and by what ---- */

/* SuperBench's: 0 when the benchmark ended well. */
static bool is_return_code(const char *metric) {
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
        if (j->judged[b].metric == SIZE_MAX && !is_return_code(in->metrics[i].metric))
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

/* Reads all that is judged by. */
static int prepare(struct judging *j, struct error *err) {
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

/* ---- a server ---- */

static int add_metric(struct judging *j, struct benchmark_result *b, size_t metric, const double *v,
                      size_t n, struct error *err) {
    const struct measured_metric *of = &j->in.metrics[metric];
    size_t cap = b->metric_count; /* grown one by one: they are few, and made to measure */
    if (vec_reserve(&b->metrics, &cap, cap + 1, sizeof(*b->metrics)) < 0)
        return error_memory(err);
    struct metric *m = &b->metrics[b->metric_count++];
    *m = (struct metric){.name = strdup(of->metric),
                         .unit = strdup(of->unit ? of->unit : ""),
                         .value = stats_median(v, n),
                         .lower_is_better = j->lower[metric],
                         .trials = malloc(n * sizeof(*v)),
                         .trial_count = n,
                         .spread = stats_spread(v, n)};
    if (!m->name || !m->unit || !m->trials)
        return error_memory(err);
    memcpy(m->trials, v, n * sizeof(*v));
    return 0;
}

static void judge_return_code(struct benchmark_result *b, double code) {
    struct error why;
    if (code == 0)
        return;
    error_set(&why, ERROR_BENCHMARK_CRASHED, "%.200s ended with return code %g", b->benchmark,
              code);
    judge_error(&why, b);
}

/* Makes the metric the one that is judged. */
static int choose(struct benchmark_result *b, const struct metric *m, struct error *err) {
    b->metric = strdup(m->name);
    b->unit = strdup(m->unit);
    b->trials = malloc(m->trial_count * sizeof(*m->trials));
    if (!b->metric || !b->unit || !b->trials)
        return error_memory(err);
    memcpy(b->trials, m->trials, m->trial_count * sizeof(*m->trials));
    b->trial_count = m->trial_count;
    b->lower_is_better = m->lower_is_better;
    b->value = m->value;
    b->spread = m->spread;
    return 0;
}

/*
 * A score where there is a reference, or the configuration wants the value itself to be one;
 * else only its peers tell whether the value is a good one.
 */
static int judge_one(struct judging *j, const struct judged *by, const char *kind,
                     struct benchmark_result *b, struct error *err) {
    const char *wanted = by->lacks                ? by->lacks
                         : by->metric != SIZE_MAX ? j->in.metrics[by->metric].metric
                                                  : NULL;
    struct judged_on on = {.kind = kind ? kind : COHORT_UNKNOWN, .baselines = &j->baselines};
    const struct metric *m = NULL;
    b->score = b->reference = b->value = b->spread = b->seconds = NAN;
    b->threshold = by->plan.threshold;
    for (size_t i = 0; wanted && i < b->metric_count && !m; i++)
        if (strcmp(b->metrics[i].name, wanted) == 0)
            m = &b->metrics[i];
    if (m && choose(b, m, err) < 0)
        return -1;
    if (b->verdict == VERDICT_ERROR)
        return 0;
    b->verdict = VERDICT_PASSED;
    if (!m && by->configured && wanted) {
        b->verdict = VERDICT_FAILED;
        b->reason = REASON_MISSING_METRIC;
        if (asprintf(&b->detail, "%.100s has no %.100s", b->benchmark, wanted) < 0) {
            b->detail = NULL;
            return error_memory(err);
        }
    } else if (m && (by->configured ||
                     baselines_find(&j->baselines, on.kind, on.disk, b->benchmark, b->metric))) {
        return judge_benchmark(&by->plan, &on, b, err);
    }
    return 0;
}

static struct benchmark_result *result_of(struct server_result *r, const char *name) {
    for (size_t i = r->benchmark_count; i-- > 0;)
        if (strcmp(r->benchmarks[i].benchmark, name) == 0)
            return &r->benchmarks[i];
    struct benchmark_result *b = &r->benchmarks[r->benchmark_count];
    *b = (struct benchmark_result){.benchmark = strdup(name)};
    r->benchmark_count += b->benchmark != NULL;
    return b->benchmark ? b : NULL;
}

static int add_numbers(struct judging *j, size_t from, size_t to, struct server_result *r,
                       struct error *err) {
    for (size_t n; from < to; from += n) {
        size_t metric = j->in.items[from].metric;
        for (n = 0; from + n < to && j->in.items[from + n].metric == metric; n++)
            j->trials[n] = j->in.items[from + n].value;
        struct benchmark_result *b = result_of(r, j->in.metrics[metric].benchmark);
        if (!b)
            return error_memory(err);
        if (is_return_code(j->in.metrics[metric].metric))
            judge_return_code(b, j->trials[n - 1]);
        else if (add_metric(j, b, metric, j->trials, n, err) < 0)
            return -1;
    }
    return 0;
}

/* What the configuration has a threshold for is judged of every server: without it none passes. */
static int add_lacking(struct judging *j, struct server_result *r, struct error *err) {
    for (size_t i = 0; i < j->benchmarks.count; i++)
        if (j->judged[i].configured && !result_of(r, j->judged[i].name))
            return error_memory(err);
    return 0;
}

/* Nothing can be said for it, and where it has too few peers, nobody else would say so. */
static int fail_empty(struct server_result *r, struct error *err) {
    r->verdict = VERDICT_FAILED;
    r->reason = REASON_MISSING_METRIC;
    r->detail = strdup("nothing of it was measured");
    return r->detail ? 0 : error_memory(err);
}

/* Makes the result of a server of its items [from, to), judged by itself. */
static int make_result(struct judging *j, size_t server, size_t from, size_t to,
                       struct server_result *r, struct error *err) {
    const char *kind = j->in.kinds[server];
    *r = (struct server_result){.attempts = 1, .seconds = NAN, .kind = kind ? strdup(kind) : NULL};
    r->benchmarks = calloc(j->benchmarks.count + 1, sizeof(*r->benchmarks));
    if (!r->benchmarks || (kind && !r->kind))
        return error_memory(err);
    if (add_numbers(j, from, to, r, err) < 0 || add_lacking(j, r, err) < 0)
        return -1;
    if (r->benchmark_count == 0)
        return fail_empty(r, err);
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const char *name = r->benchmarks[i].benchmark;
        size_t b = names_find(&j->benchmarks, name, strlen(name));
        if (judge_one(j, &j->judged[b], kind, &r->benchmarks[i], err) < 0)
            return -1;
    }
    judge_server(NULL, r);
    return 0;
}

static int add_server(struct judging *j, size_t server, const struct server_result *r,
                      struct error *err) {
    struct outcome *o = &j->outcomes[server];
    const char *name = j->in.servers.items[server];
    *o = (struct outcome){.server = name,
                          .verdict = r->verdict,
                          .reason = r->reason,
                          .flaky = server_result_flaky(r)};
    if (r->detail && !(o->detail = strdup(r->detail)))
        return error_memory(err);
    return cohort_add(&j->cohort, name, r, err);
}

static int print_server(struct judging *j, size_t server, struct server_result *r,
                        struct error *err) {
    const struct outcome *o = &j->outcomes[server];
    r->verdict = o->verdict;
    r->reason = o->reason;
    free(r->detail);
    r->detail = o->detail ? strdup(o->detail) : NULL;
    r->findings = j->findings[server] ? strdup(j->findings[server]) : NULL;
    if ((o->detail && !r->detail) || (j->findings[server] && !r->findings))
        return error_memory(err);
    return document_add(stdout, server == 0, o->server, r, err);
}

/* Makes the result of each server in turn, and hands it on. */
static int each_server(struct judging *j, struct error *err,
                       int (*use)(struct judging *j, size_t server, struct server_result *r,
                                  struct error *err)) {
    for (size_t i = 0, from = 0, to; i < j->in.servers.count; i++, from = to) {
        cleanup(server_result_done) struct server_result r = {0};
        for (to = from; to < j->in.count && j->in.items[to].server == i;)
            to++;
        if (make_result(j, i, from, to, &r, err) < 0 || use(j, i, &r, err) < 0)
            return -1;
    }
    return 0;
}

static int take_server(struct judging *j, size_t server, struct server_result *r,
                       struct error *err) {
    return add_server(j, server, r, err);
}

/* ---- all of them ---- */

/* The n findings of one server, the first one being the one that decides. */
static int settle_server(struct judging *j, const struct finding *f, size_t n, struct error *err) {
    struct outcome *o = &j->outcomes[f->row];
    struct str json = {0};
    finding_add_json(&json, f, n);
    if (!(j->findings[f->row] = str_take(&json)))
        return error_memory(err);
    if (j->words.outliers == OUTLIERS_FAIL && o->verdict == VERDICT_PASSED) {
        o->reason = f->what == FINDING_OUTLIER ? REASON_OUTLIER : REASON_MISSING_METRIC;
        o->verdict = reason_verdict(o->reason);
        free(o->detail);
        if (!(o->detail = strdup(f->detail)))
            return error_memory(err);
    }
    return finding_tell(o, j->findings[f->row], NULL, err);
}

static int settle(struct judging *j, struct error *err) {
    const struct findings *all = &j->found;
    findings_sort(&j->found);
    for (size_t i = 0, n; i < all->count; i += n) {
        for (n = 1; i + n < all->count && all->items[i + n].row == all->items[i].row;)
            n++;
        if (settle_server(j, &all->items[i], n, err) < 0)
            return -1;
    }
    findings_add_notes(&j->notes, all);
    for (size_t i = 0; i < j->run.total; i++)
        run_count(&j->run, j->outcomes[i].verdict);
    return j->notes.failed ? error_memory(err) : 0;
}

static int judge(struct judging *j, struct error *err) {
    size_t n = j->in.servers.count;
    j->run.total = n;
    j->outcomes = calloc(n, sizeof(*j->outcomes));
    j->findings = calloc(n, sizeof(*j->findings));
    j->trials = malloc((j->in.count + 1) * sizeof(*j->trials));
    if (!j->outcomes || !j->findings || !j->trials)
        return error_memory(err);
    if (each_server(j, err, take_server) < 0)
        return -1;
    if (j->words.outliers != OUTLIERS_OFF &&
        peers_judge(&j->cohort, &j->baselines, &j->found, err) < 0)
        return -1;
    return settle(j, err);
}

static int print(struct judging *j, struct error *err) {
    if (j->words.json) {
        if (document_begin(stdout, &j->run, j->outcomes, j->notes.data, err) < 0 ||
            each_server(j, err, print_server) < 0)
            return -1;
        document_end(stdout);
        return 0;
    }
    cleanup(str_done) struct str text = {0};
    summary_add(&text, &j->run, j->outcomes, j->notes.data);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

/* ---- the command ---- */

static int read_file(struct judging *j, struct error *err) {
    const char *name = j->words.file;
    cleanup(str_done) struct str mistakes = {0};
    bool standard = strcmp(name, "-") == 0;
    FILE *in = standard ? stdin : fopen(name, "re");
    if (!in)
        return error_set(err, ERROR_USAGE, "%.200s: %s", name, strerror(errno));
    int rc = measurements_read(in, standard ? "standard input" : name, j->words.ignored.items,
                               j->words.ignored.count, &j->in, &mistakes, err);
    if (!standard)
        fclose(in);
    return rc < 0 ? cli_mistakes(&mistakes, err) : 0;
}

static int add_pattern(struct patterns *p, const char *word) {
    if (vec_reserve(&p->items, &p->cap, p->count + 1, sizeof(*p->items)) < 0)
        return -1;
    p->items[p->count++] = word;
    return 0;
}

/* Takes an option; -1 to go on, or the exit status. */
static int take_option(struct words *w, int option, const char *value) {
    struct error err = {0};
    struct patterns *p = option == OPT_LOWER    ? &w->lower
                         : option == OPT_HIGHER ? &w->higher
                         : option == OPT_IGNORE ? &w->ignored
                                                : NULL;
    int rc = p ? add_pattern(p, value) : 0;
    if (rc < 0)
        error_memory(&err);
    else if (option == 'c')
        w->config = value;
    else if (option == CLI_STORE)
        w->store = value;
    else if (option == CLI_JSON)
        w->json = true;
    else if (option == 't')
        rc = cli_decimal("--threshold", value, &w->threshold, &err);
    else if (option == OPT_OUTLIERS && outliers_parse(value, &w->outliers) < 0)
        return cli_usage("--outliers is fail, warn or off, not '%.40s'", value);
    return rc < 0 ? cli_fail(&err) : -1;
}

static int read_words(struct judging *j, int argc, char **argv) {
    int c;
    while ((c = cli_getopt(argc, argv, "c:t:", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == CLI_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        int status = take_option(&j->words, c, optarg);
        if (status >= 0)
            return status;
    }
    if (argc - optind != 1)
        return cli_usage("`muster judge` takes one FILE, or - for standard input");
    j->words.file = argv[optind];
    return -1;
}

int cmd_judge(int argc, char **argv) {
    cleanup(judging_done) struct judging j = {.words = {.threshold = NAN}};
    struct error err;
    config_init(&j.config);
    int status = read_words(&j, argc, argv);
    if (status >= 0)
        return status;
    int64_t begun = clock_now();
    j.run.started = clock_wall();
    if (read_file(&j, &err) < 0 || prepare(&j, &err) < 0 || judge(&j, &err) < 0)
        return cli_fail(&err);
    j.run.seconds = (double)(clock_now() - begun) / 1e9;
    if (print(&j, &err) < 0)
        return cli_fail(&err);
    status = cli_flush();
    return status != 0 ? status : j.run.passed == j.run.total ? EXIT_PASSED : EXIT_NOT_PASSED;
}
