/*
 * baseline: `muster baseline`, and its verbs.
 *
 * What `take` and `import` would change is printed before it is changed. Nothing of what was shown
 * is locked while the answer is waited for: another process may take a baseline meanwhile, and then
 * the later one stands.
 */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/confirm.h"
#include "input/baselinefile.h"
#include "policy/baseline.h"
#include "policy/finding.h"
#include "report/baselinelist.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: muster baseline take [--min N] [--yes] RUN\n"
    "       muster baseline show [--json] [KIND]\n"
    "       muster baseline export [-o FILE] [KIND]\n"
    "       muster baseline import [--yes] FILE\n"
    "       muster baseline drop [--yes] [KIND]\n\n"
    "What servers of a kind should score, learned from a run of good ones. A metric that the\n"
    "configuration gives no reference is scored by the baseline of the server's kind: the\n"
    "median is 100.\n\n"
    "take learns median and scale of each metric from the servers that passed, but for\n"
    "outliers; RUN may be `last`. What take and import change in baselines that are there,\n"
    "and what drop removes, is shown and asked for first.\n\n"
    "      --min N        learn of kinds with at least N servers that passed (5)\n"
    "  -y, --yes          do not ask\n"
    "  -o, --output FILE  write here, not to standard output\n"
    "      --store URL    where runs and baselines are kept\n"
    "      --json         print a JSON array\n"
    "      --help         this text\n";

enum { OPT_MIN = 512 };

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {"min", required_argument, NULL, OPT_MIN},
    {"yes", no_argument, NULL, 'y'},
    {"output", required_argument, NULL, 'o'},
    {NULL, 0, NULL, 0},
};

struct words {
    const char *store;
    const char *output;   /* NULL: standard output */
    const char *argument; /* NULL: not given */
    int min;
    bool yes, json;
};

/* ---- changing what there is ---- */

static void print(const struct str *text) {
    fwrite(text->data ? text->data : "", 1, text->len, stdout);
}

/* Shows what the newer ones would change, asks, and keeps them. Returns the exit status. */
static int keep(struct store *store, const struct baselines *newer, bool yes, struct error *err) {
    cleanup(baselines_done) struct baselines older = {0};
    cleanup(str_done) struct str text = {0};
    if (store_baselines_any(store, &older, err) < 0)
        return -1;
    struct baseline_difference all = baselinelist_add_difference(&text, &older, newer);
    str_addf(&text, "%s%zu new, %zu changed, %zu as they were\n", text.len ? "\n" : "", all.added,
             all.changed, all.same);
    if (text.failed)
        return error_memory(err);
    print(&text);
    int answer = confirm("Change these baselines?", yes || all.changed == 0, err);
    if (answer == 0)
        puts("nothing was changed");
    if (answer <= 0)
        return answer < 0 ? -1 : EXIT_NOT_PASSED;
    return store_put_baselines(store, newer, err);
}

/* ---- take ---- */

struct taking {
    struct cohort cohort;
    const char **raw; /* benchmarks whose scores were their values */
    size_t raw_count, raw_cap;
};

static void taking_done(struct taking *t) {
    for (size_t i = 0; i < t->raw_count; i++)
        free((char *)t->raw[i]);
    free(t->raw);
    cohort_done(&t->cohort);
}

static int note_raw(struct taking *t, const struct benchmark_result *b, struct error *err) {
    if (!isfinite(b->score) || !isnan(b->reference))
        return 0;
    for (size_t i = 0; i < t->raw_count; i++)
        if (strcmp(t->raw[i], b->benchmark) == 0)
            return 0;
    if (vec_reserve(&t->raw, &t->raw_cap, t->raw_count + 1, sizeof(*t->raw)) < 0 ||
        !(t->raw[t->raw_count] = strdup(b->benchmark)))
        return error_memory(err);
    t->raw_count++;
    return 0;
}

static int add(void *arg, const char *server, const struct server_result *result,
               struct error *err) {
    struct taking *t = arg;
    for (size_t i = 0; i < result->benchmark_count; i++)
        if (note_raw(t, &result->benchmarks[i], err) < 0)
            return -1;
    return cohort_add(&t->cohort, server, result, err);
}

static void tell_gaps(const struct baseline_remarks *r, int min) {
    for (size_t i = 0; i < r->gap_count; i++) {
        const struct baseline_gap *g = &r->gaps[i];
        const char *some = g->passed == 1 ? "server" : "servers";
        if (strcmp(g->kind, COHORT_UNKNOWN) == 0)
            fprintf(stderr,
                    "muster: left out %zu %s of unknown kind (`kind=` in the inventory "
                    "gives one)\n",
                    g->passed, some);
        else
            fprintf(stderr,
                    "muster: left out %s: %zu %s passed, and a baseline takes %d (see "
                    "--min)\n",
                    g->kind, g->passed, some, min);
    }
}

/* One reference for two groups is good for one of them at most. */
static int tell_groups(const struct baseline_remarks *r, struct error *err) {
    for (size_t i = 0; i < r->group_count; i++) {
        const struct baseline_groups *g = &r->groups[i];
        cleanup(str_done) struct str lower = {0}, upper = {0};
        finding_add_value(&upper, g->upper_median, g->unit);
        finding_add_value(&lower, g->lower_median, g->unit);
        if (upper.failed || lower.failed)
            return error_memory(err);
        fprintf(stderr,
                "muster: %s %s of kind %s is in two groups: %zu servers around %s, %zu around %s; "
                "one baseline stands for both (`kind=` in the inventory tells them apart)\n",
                g->benchmark, g->metric, g->kind, g->upper, upper.data, g->lower, lower.data);
    }
    return 0;
}

/* Thresholds are compared with something else from now on: that must not come as a surprise. */
static void tell_raw(const struct taking *t) {
    for (size_t i = 0; i < t->raw_count; i++)
        fprintf(stderr,
                "muster: %s had no reference, and its value was its score: with a baseline "
                "its score is percent of the median, and so is its threshold\n",
                t->raw[i]);
}

static int take(struct store *store, const struct words *w, struct error *err) {
    cleanup(taking_done) struct taking taking = {0};
    cleanup(baselines_done) struct baselines learned = {0};
    cleanup(baseline_remarks_done) struct baseline_remarks remarks = {0};
    struct run run;
    if (store_run(store, w->argument, &run, err) < 0)
        return -1;
    if (run.holder.pid)
        return error_set(err, ERROR_USAGE, "the run %s is not over: process %lld works on it",
                         run.id, (long long)run.holder.pid);
    int64_t now = clock_wall() / CLOCK_MS * CLOCK_MS;
    if (store_each(store, run.id, add, &taking, err) < 0 ||
        baseline_learn(&taking.cohort, (size_t)w->min, run.id, now, &learned, &remarks, err) < 0)
        return -1;
    tell_gaps(&remarks, w->min);
    if (learned.count == 0)
        return error_set(err, ERROR_USAGE,
                         "nothing can be learned from the run %s: no kind has %d "
                         "servers that passed",
                         run.id, w->min);
    if (tell_groups(&remarks, err) < 0)
        return -1;
    tell_raw(&taking);
    return keep(store, &learned, w->yes, err);
}

/* ---- the others ---- */

/* What there is of the kind that was asked for, which must be among `all`, or everything. */
static int find(const struct baselines *all, const char *kind, struct baselines *ret,
                struct error *err) {
    const char *known[64], *near;
    size_t n = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct baseline *b = &all->items[i];
        if ((!kind || strcmp(b->kind, kind) == 0) && baselines_put(ret, b, err) < 0)
            return -1;
        if (n + 1 < ARRAY_LEN(known) && (n == 0 || strcmp(known[n - 1], b->kind) != 0))
            known[n++] = b->kind;
    }
    known[n] = NULL;
    if (!kind || ret->count > 0)
        return 0;
    near = config_nearest(kind, known);
    return error_set(err, ERROR_USAGE, "there is no baseline of the kind '%.80s'%s%s%s", kind,
                     near ? " (did you mean '" : "; `muster baseline show` has all there are",
                     near ? near : "", near ? "'?)" : "");
}

static int show(struct store *store, const struct words *w, struct error *err) {
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baselines_done) struct baselines list = {0};
    cleanup(str_done) struct str text = {0};
    if (store_baselines(store, &all, err) < 0 || find(&all, w->argument, &list, err) < 0)
        return -1;
    if (w->json)
        baselinelist_add_json(&text, &list);
    else if (list.count > 0)
        baselinelist_add(&text, &list);
    else
        str_add(&text, "There are no baselines; `muster baseline take RUN` learns them.\n");
    if (text.failed)
        return error_memory(err);
    print(&text);
    return 0;
}

static int write_file(const char *path, const struct str *text, struct error *err) {
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot write to %s", path);
    if (fd_write_all(fd, text->data, text->len) < 0)
        return error_os(err, ERROR_STORE, errno, "cannot write to %s", path);
    return 0;
}

static int export(struct store *store, const struct words *w, struct error *err) {
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baselines_done) struct baselines list = {0};
    cleanup(str_done) struct str text = {0};
    if (store_baselines(store, &all, err) < 0 || find(&all, w->argument, &list, err) < 0)
        return -1;
    baselinefile_write(&list, &text);
    if (text.failed)
        return error_memory(err);
    if (w->output)
        return write_file(w->output, &text, err);
    print(&text);
    return 0;
}

static int import(struct store *store, const struct words *w, struct error *err) {
    cleanup(baselines_done) struct baselines list = {0};
    cleanup(str_done) struct str text = {0};
    cleanup(str_done) struct str mistakes = {0};
    bool standard = strcmp(w->argument, "-") == 0;
    const char *name = standard ? "standard input" : w->argument;
    int rc = standard ? fd_read_all(STDIN_FILENO, name, BASELINEFILE_MAX, &text, err)
                      : fd_read_file(name, BASELINEFILE_MAX, &text, err);
    if (rc < 0)
        return -1;
    if (baselinefile_read(name, text.data ? text.data : "", text.len, &list, &mistakes, err) < 0)
        return cli_mistakes(&mistakes, err);
    return keep(store, &list, w->yes, err);
}

static int drop(struct store *store, const struct words *w, struct error *err) {
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baselines_done) struct baselines list = {0};
    cleanup(str_done) struct str text = {0};
    if (store_baselines_any(store, &all, err) < 0 || find(&all, w->argument, &list, err) < 0)
        return -1;
    baselinelist_add(&text, &list);
    if (text.failed)
        return error_memory(err);
    print(&text);
    int answer = confirm("Drop these baselines?", w->yes || list.count == 0, err);
    if (answer == 0)
        puts("nothing was dropped");
    if (answer <= 0)
        return answer < 0 ? -1 : EXIT_NOT_PASSED;
    return store_drop_baselines(store, w->argument, err);
}

/* ---- the command ---- */

static const struct verb {
    const char *name;
    /* the exit status, or -1 */
    int (*run)(struct store *store, const struct words *w, struct error *err);
    enum store_mode mode;
    const char *argument; /* that it needs; NULL: it may have that of a kind */
    const char *letters;  /* of the options that mean something to it */
} verbs[] = {
    {"take", take, STORE_CHANGE, "one RUN, or `last`: see `muster runs`", "my"},
    {"show", show, STORE_READ, NULL, "j"},
    {"export", export, STORE_READ, NULL, "o"},
    {"import", import, STORE_CREATE, "one FILE, or `-`", "y"},
    {"drop", drop, STORE_CHANGE, NULL, "y"},
};

static int unknown_verb(const char *name) {
    const char *known[ARRAY_LEN(verbs) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        known[i] = verbs[i].name;
    const char *near = config_nearest(name, known);
    return cli_usage(
        "`muster baseline` knows take, show, export, import and drop, not '%.40s'%s%s%s", name,
        near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* Reads the options, and in given[] which there were. Returns -1 to go on, or the exit status. */
static int read_words(int argc, char **argv, struct words *w, char given[8]) {
    struct error err;
    int c;
    while ((c = cli_getopt(argc, argv, "yo:", options)) != -1) {
        char letter = 0;
        switch (c) {
        case '?':
            return EXIT_USAGE;
        case CLI_HELP:
            fputs(help, stdout);
            return cli_flush();
        case CLI_STORE:
            w->store = optarg;
            break;
        case CLI_JSON:
            w->json = (letter = 'j');
            break;
        case 'y':
            w->yes = (letter = 'y');
            break;
        case 'o':
            w->output = optarg;
            letter = 'o';
            break;
        default:
            letter = 'm';
            if (cli_number("--min", optarg, 1, 1000000, &w->min, &err) < 0)
                return cli_fail(&err);
        }
        if (letter && !strchr(given, letter))
            given[strlen(given)] = letter;
    }
    return -1;
}

static int run_verb(const struct verb *v, const struct words *w) {
    struct store *store;
    struct error err;
    if (store_open(w->store, v->mode, &store, &err) < 0)
        return cli_fail(&err);
    int rc = v->run(store, w, &err);
    store_close(store);
    if (rc < 0)
        fflush(stdout); /* what would change comes before why it was not */
    return rc < 0 ? cli_fail(&err) : rc ? rc : cli_flush();
}

static int cmd_baseline(int argc, char **argv) {
    struct words w = {.min = BASELINE_SERVERS};
    char given[8] = "";
    int status = read_words(argc, argv, &w, given);
    if (status >= 0)
        return status;
    if (optind == argc)
        return cli_usage("`muster baseline` takes a verb: see `muster baseline --help`");
    const struct verb *v = verbs;
    while (v < verbs + ARRAY_LEN(verbs) && strcmp(v->name, argv[optind]) != 0)
        v++;
    if (v == verbs + ARRAY_LEN(verbs))
        return unknown_verb(argv[optind]);
    int arguments = argc - optind - 1;
    if (arguments > 1 || (v->argument && arguments == 0))
        return cli_usage("`muster baseline %s` takes %s", v->name,
                         v->argument ? v->argument : "one KIND at most");
    if (given[strspn(given, v->letters)])
        return cli_usage("`muster baseline %s` does not take all of these options: see `muster "
                         "baseline --help`",
                         v->name);
    w.argument = arguments ? argv[optind + 1] : NULL;
    return run_verb(v, &w);
}

const struct cli_command command_baseline = {
    .name = "baseline",
    .about = "what kinds of servers should score, learned from a run",
    .run = cmd_baseline,
    .help = help,
    .options = options,
};
