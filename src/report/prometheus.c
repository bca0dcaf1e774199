/*
 * prometheus: a run in the text format, for the textfile collector of node_exporter.
 *
 * The format wants all samples of a metric in one place. The servers are read once, and the samples
 * of each metric go into a spool of its own, which are written one after the other. There are no
 * timestamps, which the collector refuses; muster_run_start_time_seconds says how old the numbers
 * are. What is not there (a server without a verdict yet, a benchmark without a score) has no
 * sample: a zero would be a measurement.
 *
 * Durations are in seconds. A measured value is in the unit that its benchmark has, which is a
 * label: what a command of the user's measures has no base unit that muster knows.
 */
#include "report/report.h"

#include "base/spool.h"
#include "base/str.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* Samples on their way to one place. */
struct writing {
    struct str line;
    const struct family *family;
};

/* One metric name of the exposition. A function writes a server's samples of it. */
struct family {
    const char *name; /* behind `muster_` */
    const char *help;
    void (*add)(struct writing *w, const char *server, const struct server_result *r);
};

/* ---- samples ---- */

/* Opens a label, with its value escaped as the format wants it. */
static void add_label(struct str *line, const char *name, const char *value) {
    cleanup(str_done) struct str shown = {0};
    if (value)
        text_add_printable(&shown, value, strlen(value), SIZE_MAX);
    line->failed |= shown.failed;
    bool first = line->len > 0 && line->data[line->len - 1] == '{';
    str_addf(line, "%s%s=\"", first ? "" : ",", name);
    for (const char *p = shown.data; p && *p; p++) {
        if (*p == '\\' || *p == '"')
            str_add_char(line, '\\');
        str_add_char(line, *p);
    }
    str_add_char(line, '"');
}

static void begin_sample(struct writing *w) {
    str_addf(&w->line, "muster_%s{", w->family->name);
}

static void end_sample(struct writing *w, double value) {
    str_addf(&w->line, "} %.15g\n", value);
}

static void add_sample(struct writing *w, const char *server, const char *benchmark, double value) {
    if (!isfinite(value))
        return;
    begin_sample(w);
    add_label(&w->line, "server", server);
    if (benchmark)
        add_label(&w->line, "benchmark", benchmark);
    end_sample(w, value);
}

/* ---- families ---- */

static void add_passed(struct writing *w, const char *server, const struct server_result *r) {
    if (r->verdict != VERDICT_CANCELLED)
        add_sample(w, server, NULL, r->verdict == VERDICT_PASSED);
}

static void add_info(struct writing *w, const char *server, const struct server_result *r) {
    begin_sample(w);
    add_label(&w->line, "server", server);
    add_label(&w->line, "kind", r->kind);
    add_label(&w->line, "verdict", verdict_name(r->verdict));
    add_label(&w->line, "reason", reason_name(r->reason));
    end_sample(w, 1);
}

static void add_seconds(struct writing *w, const char *server, const struct server_result *r) {
    if (r->verdict != VERDICT_CANCELLED)
        add_sample(w, server, NULL, r->seconds);
}

static void add_attempts(struct writing *w, const char *server, const struct server_result *r) {
    if (r->verdict != VERDICT_CANCELLED)
        add_sample(w, server, NULL, r->attempts);
}

static void add_benchmark_passed(struct writing *w, const char *server,
                                 const struct server_result *r) {
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const struct benchmark_result *b = &r->benchmarks[i];
        if (b->verdict != VERDICT_SKIPPED && b->verdict != VERDICT_CANCELLED)
            add_sample(w, server, b->benchmark, b->verdict == VERDICT_PASSED);
    }
}

static void add_score(struct writing *w, const char *server, const struct server_result *r) {
    for (size_t i = 0; i < r->benchmark_count; i++)
        add_sample(w, server, r->benchmarks[i].benchmark, r->benchmarks[i].score);
}

static void add_threshold(struct writing *w, const char *server, const struct server_result *r) {
    for (size_t i = 0; i < r->benchmark_count; i++)
        if (r->benchmarks[i].verdict != VERDICT_SKIPPED)
            add_sample(w, server, r->benchmarks[i].benchmark, r->benchmarks[i].threshold);
}

static void add_benchmark_seconds(struct writing *w, const char *server,
                                  const struct server_result *r) {
    for (size_t i = 0; i < r->benchmark_count; i++)
        if (r->benchmarks[i].verdict != VERDICT_SKIPPED)
            add_sample(w, server, r->benchmarks[i].benchmark, r->benchmarks[i].seconds);
}

static void add_metric(struct writing *w, const char *server, const char *benchmark,
                       const char *metric, const char *unit, double value) {
    if (!isfinite(value))
        return;
    begin_sample(w);
    add_label(&w->line, "server", server);
    add_label(&w->line, "benchmark", benchmark);
    add_label(&w->line, "metric", metric);
    add_label(&w->line, "unit", unit);
    end_sample(w, value);
}

static void add_values(struct writing *w, const char *server, const struct server_result *r) {
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const struct benchmark_result *b = &r->benchmarks[i];
        bool judged_there = false;
        for (size_t j = 0; j < b->metric_count; j++) {
            const struct metric *m = &b->metrics[j];
            judged_there |= b->metric && strcmp(b->metric, m->name) == 0;
            add_metric(w, server, b->benchmark, m->name, m->unit, m->value);
        }
        if (b->metric && !judged_there)
            add_metric(w, server, b->benchmark, b->metric, b->unit, b->value);
    }
}

static void add_references(struct writing *w, const char *server, const struct server_result *r) {
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const struct benchmark_result *b = &r->benchmarks[i];
        if (b->metric)
            add_metric(w, server, b->benchmark, b->metric, b->unit, b->reference);
    }
}

static const struct family families[] = {
    {"server_passed", "Whether the server passed (1) or not (0).", add_passed},
    {"server_info", "How the server ended: its verdict, the reason, and its kind.", add_info},
    {"server_duration_seconds", "How long the server was worked on.", add_seconds},
    {"server_attempts", "How often a session with the server was begun.", add_attempts},
    {"benchmark_passed", "Whether the benchmark passed (1) or not (0).", add_benchmark_passed},
    {"benchmark_score", "Score: 100 is the reference, higher is better.", add_score},
    {"benchmark_threshold", "A score below it fails the server.", add_threshold},
    {"benchmark_duration_seconds", "How long the benchmark took, all trials together.",
     add_benchmark_seconds},
    {"metric_value", "Median of the trials, in the unit of the label.", add_values},
    {"metric_reference", "The value that scores 100, in the unit of the label.", add_references},
};

static void add_head(struct str *out, const char *name, const char *help) {
    str_addf(out, "# HELP muster_%s %s\n# TYPE muster_%s gauge\n", name, help, name);
}

/* ---- the run ---- */

static void add_run(struct writing *w, const struct run *run) {
    static const struct family info = {"run_info", "The run that the numbers are of.", NULL};
    static const struct family servers = {"run_servers", "Servers of the run, by their verdict.",
                                          NULL};
    struct str *line = &w->line;
    add_head(line, info.name, info.help);
    w->family = &info;
    begin_sample(w);
    add_label(line, "run", run->id);
    add_label(line, "state", run_state(run));
    end_sample(w, 1);
    add_head(line, "run_start_time_seconds", "When the run began, since 1970.");
    str_addf(line, "muster_run_start_time_seconds %.3f\n", (double)run->started / 1e9);
    add_head(line, "run_duration_seconds", "How long the run was worked on so far.");
    if (isfinite(run->seconds))
        str_addf(line, "muster_run_duration_seconds %.15g\n", run->seconds);
    add_head(line, servers.name, servers.help);
    w->family = &servers;
    const size_t counts[] = {[VERDICT_PASSED] = run->passed,
                             [VERDICT_FAILED] = run->failed,
                             [VERDICT_ERROR] = run->errors,
                             [VERDICT_CANCELLED] = run->cancelled};
    for (size_t v = 0; v < ARRAY_LEN(counts); v++) {
        begin_sample(w);
        add_label(line, "verdict", verdict_name((enum verdict)v));
        end_sample(w, (double)counts[v]);
    }
}

/* The text of all servers: each family's by itself. */
struct exposition {
    struct writing writing;
    struct spool spools[ARRAY_LEN(families)];
};

static void exposition_done(struct exposition *e) {
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        spool_done(&e->spools[i]);
    str_done(&e->writing.line);
}

static int flush(struct writing *w, FILE *out, struct error *err) {
    if (w->line.failed)
        return error_memory(err);
    fwrite(w->line.data ? w->line.data : "", 1, w->line.len, out);
    str_clear(&w->line);
    return 0;
}

static int add_server(void *arg, const char *server, const struct server_result *r,
                      struct error *err) {
    struct exposition *e = arg;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        e->writing.family = &families[i];
        families[i].add(&e->writing, server, r);
        if (flush(&e->writing, e->spools[i].out, err) < 0)
            return -1;
    }
    return 0;
}

static int begin(struct exposition *e, struct error *err) {
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (spool_begin(&e->spools[i], err) < 0)
            return -1;
        add_head(&e->writing.line, families[i].name, families[i].help);
        if (flush(&e->writing, e->spools[i].out, err) < 0)
            return -1;
    }
    return 0;
}

int report_prometheus(FILE *out, const struct report_source *from, struct error *err) {
    cleanup(exposition_done) struct exposition e = {0};
    add_run(&e.writing, from->run);
    if (flush(&e.writing, out, err) < 0 || begin(&e, err) < 0 ||
        from->each(from, add_server, &e, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        if (spool_end(&e.spools[i], err) < 0 || spool_copy(&e.spools[i], out, err) < 0)
            return -1;
    return 0;
}
