/*
 * csv: a run as a table, RFC 4180: commas, CRLF, quotes doubled.
 *
 * The table is tidy: one row for each metric of each benchmark on each server, and one for a
 * benchmark without metrics and for a server without benchmarks, so that no server is missing.
 * What is of a server or of a benchmark is in each of its rows. What belongs to the metric that a
 * benchmark is judged by (its score and what it is held against) is in the row of that metric
 * alone, so that sums and means over the column count it once.
 *
 * A spreadsheet takes a text that begins with one of = + - @ for a formula, whoever sent it. Such a
 * text gets an apostrophe before it; numbers are written as they are. All text that is not plain is
 * quoted, so that a table that is read with another separator has no cell of a server's making.
 */
#include "report/report.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

static const char header[] =
    "run,started,state,server,kind,server_verdict,server_reason,server_detail,attempts,"
    "server_seconds,benchmark,verdict,reason,detail,flaky,benchmark_seconds,conditions,metric,"
    "judged,value,unit,better,trials,spread,score,threshold,reference,reference_source\r\n";

/* ---- cells ---- */

/* Anything else may be a separator somewhere, or begin a formula behind one. */
static bool is_plain(const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !strchr("._-/:", c))
            return false;
    }
    return true;
}

/* Blanks before it are passed over by some, and wide forms are taken for the plain ones. */
static bool is_formula(const char *text) {
    static const char *const wide[] = {"\uff1d", "\uff0b", "\uff0d", "\uff20"};
    text += strspn(text, " ");
    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (strncmp(text, wide[i], strlen(wide[i])) == 0)
            return true;
    return *text && strchr("=+-@", *text);
}

static void add_text(struct str *row, const char *text) {
    if (row->len > 0)
        str_add_char(row, ',');
    if (!text || !*text)
        return;
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, text, strlen(text), SIZE_MAX);
    if (shown.failed) {
        row->failed = true;
        return;
    }
    bool formula = is_formula(shown.data), quoted = formula || !is_plain(shown.data);
    str_add(row, formula ? "\"'" : quoted ? "\"" : "");
    for (const char *p = shown.data; *p; p++)
        str_add(row, (char[]){*p, *p == '"' ? '"' : '\0', '\0'});
    if (quoted)
        str_add_char(row, '"');
}

/* Enough digits for what was measured, as in the JSON document. */
static void add_number(struct str *row, double x) {
    str_add_char(row, ',');
    if (isfinite(x))
        str_addf(row, "%.15g", x);
}

static void add_count(struct str *row, size_t n) {
    str_addf(row, ",%zu", n);
}

static void add_nothing(struct str *row, size_t cells) {
    while (cells-- > 0)
        str_add_char(row, ',');
}

/* ---- rows ---- */

struct table {
    FILE *out;
    struct str run;       /* the cells of the run */
    struct str server;    /* those and the server's */
    struct str benchmark; /* those and the benchmark's */
    struct str row;
};

static void table_done(struct table *t) {
    str_done(&t->run);
    str_done(&t->server);
    str_done(&t->benchmark);
    str_done(&t->row);
}

/* Begins `to` with the cells of `from`. */
static void begin(struct str *to, const struct str *from) {
    str_clear(to);
    str_add_bytes(to, from->data, from->len);
    to->failed |= from->failed;
}

static int end_row(struct table *t, struct error *err) {
    str_add(&t->row, "\r\n");
    if (t->row.failed)
        return error_memory(err);
    fwrite(t->row.data, 1, t->row.len, t->out);
    return 0;
}

/* The cells that only the metric has that a benchmark is judged by, or the benchmark without any.
 */
static void add_judged(struct str *row, const struct benchmark_result *b) {
    add_number(row, b->score);
    add_number(row, b->threshold);
    add_number(row, b->reference);
    add_text(row, b->reference_source);
}

static int add_metric(struct table *t, const struct benchmark_result *b, const struct metric *m,
                      bool judged, struct error *err) {
    begin(&t->row, &t->benchmark);
    add_text(&t->row, m->name);
    add_text(&t->row, judged ? "yes" : "no");
    add_number(&t->row, m->value);
    add_text(&t->row, m->unit);
    add_text(&t->row, m->lower_is_better ? "lower" : "higher");
    add_count(&t->row, m->trial_count);
    add_number(&t->row, m->spread);
    if (judged)
        add_judged(&t->row, b);
    else
        add_nothing(&t->row, 4);
    return end_row(t, err);
}

/* The judged metric as the benchmark has it: it may be the only trace of it. */
static struct metric judged_metric(const struct benchmark_result *b) {
    return (struct metric){.name = b->metric,
                           .unit = b->unit,
                           .value = b->value,
                           .lower_is_better = b->lower_is_better,
                           .trials = b->trials,
                           .trial_count = b->trial_count,
                           .spread = b->spread};
}

static int add_metrics(struct table *t, const struct benchmark_result *b, struct error *err) {
    bool judged_there = false;
    for (size_t i = 0; i < b->metric_count; i++) {
        bool judged = b->metric && strcmp(b->metric, b->metrics[i].name) == 0;
        judged_there |= judged;
        if (add_metric(t, b, &b->metrics[i], judged, err) < 0)
            return -1;
    }
    if (b->metric && !judged_there) {
        struct metric m = judged_metric(b);
        return add_metric(t, b, &m, true, err);
    }
    if (b->metric_count > 0)
        return 0;
    begin(&t->row, &t->benchmark);
    add_nothing(&t->row, 7);
    add_judged(&t->row, b);
    return end_row(t, err);
}

static int add_benchmark(struct table *t, const struct benchmark_result *b, struct error *err) {
    begin(&t->benchmark, &t->server);
    add_text(&t->benchmark, b->benchmark);
    add_text(&t->benchmark, verdict_name(b->verdict));
    add_text(&t->benchmark, reason_name(b->reason));
    add_text(&t->benchmark, b->detail);
    add_text(&t->benchmark, b->flaky ? "yes" : "no");
    add_number(&t->benchmark, b->seconds);
    add_text(&t->benchmark, b->conditions);
    return add_metrics(t, b, err);
}

static int add_server(void *arg, const char *server, const struct server_result *r,
                      struct error *err) {
    struct table *t = arg;
    begin(&t->server, &t->run);
    add_text(&t->server, server);
    add_text(&t->server, r->kind);
    add_text(&t->server, verdict_name(r->verdict));
    add_text(&t->server, reason_name(r->reason));
    add_text(&t->server, r->detail);
    add_number(&t->server, r->attempts);
    add_number(&t->server, r->seconds);
    for (size_t i = 0; i < r->benchmark_count; i++)
        if (add_benchmark(t, &r->benchmarks[i], err) < 0)
            return -1;
    if (r->benchmark_count > 0)
        return 0;
    begin(&t->row, &t->server);
    add_nothing(&t->row, 18);
    return end_row(t, err);
}

int report_csv(FILE *out, const struct report_source *from, struct error *err) {
    cleanup(table_done) struct table t = {.out = out};
    char started[25];
    clock_format_utc(from->run->started, started);
    add_text(&t.run, from->run->id);
    add_text(&t.run, started);
    add_text(&t.run, run_state(from->run));
    fputs(header, out);
    return from->each(from, add_server, &t, err);
}
