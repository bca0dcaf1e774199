/*
 * document: see document.h. The names and shapes here are a contract with every script that reads
 * them: fields are added, never renamed.
 */
#include "report/document.h"

#include "base/clock.h"
#include "base/text.h"
#include "model/labels.h"
#include "report/report.h"
#include "wire/jsontext.h"

#include <math.h>
#include <string.h>

#define DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

/* One byte that is not UTF-8, in the path of a key file say, must not cost the whole document. */
static json_t *text(const char *s) {
    if (!s)
        return json_null();
    json_t *value = json_string(s);
    if (value)
        return value;
    cleanup(str_done) struct str printable = {0};
    text_add_printable(&printable, s, strlen(s), 4 * strlen(s) + 3);
    return printable.failed ? NULL : json_string(printable.data);
}

/* Who works on the run; null when nobody does. */
static json_t *holder_object(const struct holder *h) {
    char since[25];
    if (!h->pid)
        return json_null();
    clock_format_utc(h->since, since);
    return json_pack("{sI so so}", "pid", (json_int_t)h->pid, "host",
                     h->since ? text(h->host) : json_null(), "since",
                     h->since ? json_string(since) : json_null());
}

static json_t *run_object(const struct run *run) {
    char started[25];
    clock_format_utc(run->started, started);
    return json_pack("{so ss ss so sI so so si so sI sI sI sI sI}", "run",
                     text(run->id[0] ? run->id : NULL), "started", started, "state", run_state(run),
                     "holder", holder_object(&run->holder), "workers", (json_int_t)run->workers,
                     "seconds", number(run->seconds), "stopped",
                     text(run->stopped[0] ? run->stopped : NULL), "fanout", run->fanout,
                     "threshold", number(run->threshold), "total", (json_int_t)run->total, "passed",
                     (json_int_t)run->passed, "failed", (json_int_t)run->failed, "errors",
                     (json_int_t)run->errors, "cancelled", (json_int_t)run->cancelled);
}

/*
 * What is in `text` and of this type, else `otherwise`, which is used up: another program may have
 * written what is none. NULL when memory ran out.
 */
static json_t *json_of(const char *text, json_type type, json_t *otherwise) {
    struct error why;
    if (!text)
        return otherwise;
    json_t *value = jsontext_read(text, &why);
    bool is = value && json_typeof(value) == type;
    if (!is && (value || why.kind != ERROR_INTERNAL)) {
        json_decref(value);
        return otherwise;
    }
    json_decref(otherwise);
    return value;
}

static json_t *object_of(const char *text, json_t *otherwise) {
    return json_of(text, JSON_OBJECT, otherwise);
}

/*
 * Jansson escapes the control characters of ASCII alone. The others can only stand within a string,
 * where an escape means the same and does nothing to a terminal.
 */
static int write_shown(const char *p, size_t n, void *out) {
    while (n > 0) {
        size_t run = 0, len;
        while (run < n && (len = text_printable_length(p + run, n - run)) > 0)
            run += len;
        if (fwrite(p, 1, run, out) < run)
            return -1;
        p += run;
        n -= run;
        if (n == 0)
            break;
        cleanup(str_done) struct str escape = {0};
        run = text_add_json_escape(&escape, p, n);
        if (escape.failed || fputs(escape.data, out) < 0)
            return -1;
        p += run;
        n -= run;
    }
    return 0;
}

/* Writes the object and lets go of it; NULL stands for a failed allocation before. */
static int dump(FILE *out, json_t *object, size_t flags, struct error *err) {
    int rc = object ? json_dump_callback(object, write_shown, out, DUMP | flags) : -1;
    json_decref(object);
    return rc < 0 && !ferror(out) ? error_memory(err) : 0;
}

int document_run(FILE *out, const struct run *run, struct error *err) {
    return dump(out, run_object(run), 0, err);
}

int document_runs(FILE *out, const struct run *runs, size_t n, struct error *err) {
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ",\n" : "[\n", out);
        if (document_run(out, &runs[i], err) < 0)
            return -1;
    }
    fputs(n ? "\n]\n" : "[]\n", out);
    return 0;
}

int document_head(FILE *out, const struct run *run, struct error *err) {
    fputc('{', out);
    int rc = dump(out, run_object(run), JSON_EMBED, err);
    fputs(",\"failed_servers\":[", out);
    return rc;
}

int document_failed(FILE *out, bool *first, const struct run *run, const char *server,
                    enum verdict verdict, struct error *err) {
    if (verdict == VERDICT_PASSED || (run_goes_on(run) && verdict == VERDICT_CANCELLED))
        return 0;
    if (!*first)
        fputc(',', out);
    *first = false;
    return dump(out, text(server), 0, err);
}

int document_servers(FILE *out, const char *notes, struct error *err) {
    fputs("],\"notes\":", out);
    int rc = dump(out, json_of(notes, JSON_ARRAY, json_array()), 0, err);
    fputs(",\"servers\":[", out);
    return rc;
}

int document_begin(FILE *out, const struct run *run, const struct outcome *outcomes,
                   const char *notes, struct error *err) {
    bool first = true;
    if (document_head(out, run, err) < 0)
        return -1;
    for (size_t i = 0; i < run->total; i++)
        if (document_failed(out, &first, run, outcomes[i].server, outcomes[i].verdict, err) < 0)
            return -1;
    return document_servers(out, notes, err);
}

void document_end(FILE *out) {
    fputs("\n]}\n", out);
}

/* Returns the value, or lets go of it and returns NULL: a document lacks nothing silently. */
static json_t *whole(json_t *value, bool failed) {
    if (!failed)
        return value;
    json_decref(value);
    return NULL;
}

static json_t *trials_array(const double *trials, size_t n) {
    json_t *list = json_array();
    bool failed = false;
    for (size_t i = 0; i < n; i++)
        failed |= json_array_append_new(list, number(trials[i])) < 0;
    return whole(list, failed);
}

static json_t *metrics_object(const struct benchmark_result *b) {
    json_t *object = json_object();
    bool failed = false;
    for (size_t i = 0; i < b->metric_count; i++) {
        const struct metric *m = &b->metrics[i];
        json_t *metric =
            json_pack("{so so ss so so}", "value", number(m->value), "unit", text(m->unit),
                      "better", m->lower_is_better ? "lower" : "higher", "trials",
                      trials_array(m->trials, m->trial_count), "spread", number(m->spread));
        failed |= json_object_set_new(object, m->name, metric) < 0;
    }
    return whole(object, failed);
}

static json_t *benchmark_object(const struct benchmark_result *b) {
    return json_pack(
        "{so ss so so sb so so so so ss so so so so so so so so so}", "benchmark",
        text(b->benchmark), "verdict", verdict_name(b->verdict), "reason",
        text(reason_name(b->reason)), "detail", text(b->detail), "flaky", b->flaky, "score",
        number(b->score), "metric", text(b->metric), "value", number(b->value), "unit",
        text(b->unit), "better", b->lower_is_better ? "lower" : "higher", "reference",
        number(b->reference), "reference_source", text(b->reference_source), "threshold",
        number(b->threshold), "trials", trials_array(b->trials, b->trial_count), "spread",
        number(b->spread), "seconds", number(b->seconds), "metrics", metrics_object(b),
        "conditions", text(b->conditions), "sensors", object_of(b->sensors, json_null()));
}

static json_t *benchmarks_array(const struct server_result *r) {
    json_t *list = json_array();
    bool failed = false;
    for (size_t i = 0; i < r->benchmark_count; i++)
        failed |= json_array_append_new(list, benchmark_object(&r->benchmarks[i])) < 0;
    return whole(list, failed);
}

/* One attempt at a server, without its name. */
static json_t *attempt_object(const struct server_result *r) {
    return json_pack("{ss so so sb si so so so so so so so}", "verdict", verdict_name(r->verdict),
                     "reason", text(reason_name(r->reason)), "detail", text(r->detail), "flaky",
                     server_result_flaky(r), "attempts", r->attempts, "seconds", number(r->seconds),
                     "kind", text(r->kind), "machine", text(r->machine), "findings",
                     json_of(r->findings, JSON_ARRAY, json_array()), "why",
                     json_of(r->why, JSON_ARRAY, json_array()), "facts",
                     object_of(r->facts, json_object()), "benchmarks", benchmarks_array(r));
}

static json_t *earlier_array(const struct server_result *r) {
    json_t *list = json_array();
    bool failed = false;
    for (size_t i = 0; i < r->earlier_count; i++)
        failed |= json_array_append_new(list, attempt_object(&r->earlier[i])) < 0;
    return whole(list, failed);
}

/* Both keys are there when there is something to say. */
static int add_labels(json_t *object, const char *labels) {
    struct label site;
    if (!labels)
        return 0;
    if (json_object_set_new(object, "labels", object_of(labels, json_object())) < 0)
        return -1;
    return labels_find(labels, LABEL_SITE, &site)
               ? json_object_set_new(object, LABEL_SITE, json_stringn(site.value, site.value_len))
               : 0;
}

int document_add(FILE *out, bool first, const char *server, const struct server_result *r,
                 struct error *err) {
    json_t *object = json_pack("{so}", "server", text(server));
    json_t *attempt = attempt_object(r);
    if (add_labels(object, r->labels) < 0 || json_object_update(object, attempt) < 0 ||
        json_object_set_new(object, "earlier", earlier_array(r)) < 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(attempt);
    fputs(first ? "\n" : ",\n", out);
    return dump(out, object, 0, err);
}

/* ---- as a report ---- */

struct writing {
    FILE *out;
    const struct run *run;
    bool first;
};

static int write_failed(void *arg, const char *server, const struct server_result *r,
                        struct error *err) {
    struct writing *w = arg;
    return document_failed(w->out, &w->first, w->run, server, r->verdict, err);
}

static int write_server(void *arg, const char *server, const struct server_result *r,
                        struct error *err) {
    struct writing *w = arg;
    int rc = document_add(w->out, w->first, server, r, err);
    w->first = false;
    return rc;
}

int report_json(FILE *out, const struct report_source *from, struct error *err) {
    struct writing failed = {.out = out, .run = from->run, .first = true};
    struct writing servers = failed;
    if (document_head(out, from->run, err) < 0 ||
        from->each(from, write_failed, &failed, err) < 0 ||
        document_servers(out, from->notes, err) < 0 ||
        from->each(from, write_server, &servers, err) < 0)
        return -1;
    document_end(out);
    return 0;
}
