/* api: see api.h. */
#include "serve/api.h"

#include "report/baselinelist.h"
#include "report/comparison.h"
#include "report/document.h"
#include "report/history.h"
#include "report/report.h"
#include "serve/crew.h"
#include "serve/snapshot.h"
#include "store/history.h"

int api_health(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    a->type = ANSWER_TEXT;
    a->refusal = "the store cannot be read"; /* without a token: nothing of where it is */
    if (snapshot_open(q, a, &store, err) < 0 || spool_begin(&a->body, err) < 0)
        return -1;
    fputs("ok\n", a->body.out);
    return 0;
}

int api_runs(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n;
    return snapshot_open(q, a, &store, err) < 0 || store_runs(store, &runs, &n, err) < 0 ||
                   spool_begin(&a->body, err) < 0
               ? -1
               : document_runs(a->body.out, runs, n, err);
}

int api_workers(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    return snapshot_open(q, a, &store, err) < 0 || spool_begin(&a->body, err) < 0
               ? -1
               : crew_document(a->body.out, store, err);
}

/* ---- a run ---- */

/* The run that the address names, written by `format`. */
static int write_run(struct request *q, struct answer *a, report_fn *format, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    struct run run;
    return snapshot_open(q, a, &store, err) < 0 || store_run(store, q->names[0], &run, err) < 0 ||
                   spool_begin(&a->body, err) < 0
               ? -1
               : snapshot_write(q, store, &run, format, a->body.out, err);
}

int api_run(struct request *q, struct answer *a, struct error *err) {
    return write_run(q, a, report_json, err);
}

int api_overview(struct request *q, struct answer *a, struct error *err) {
    return write_run(q, a, report_overview, err);
}

/* ---- a server ---- */

static int write_server(void *arg, const char *server, const struct server_result *result,
                        struct error *err) {
    return document_add(arg, true, server, result, err);
}

int api_server(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    struct run run;
    size_t at;
    if (snapshot_open(q, a, &store, err) < 0 || store_run(store, q->names[0], &run, err) < 0 ||
        store_position(store, run.id, q->names[1], &at, err) < 0 ||
        spool_begin(&a->body, err) < 0 ||
        store_each_between(store, run.id, at, at, write_server, a->body.out, err) < 0)
        return -1;
    fputc('\n', a->body.out);
    return 0;
}

int api_history(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    cleanup(history_done) struct history h = {0};
    return snapshot_open(q, a, &store, err) < 0 ||
                   store_history(store, q->names[0], request_parameter(q, "benchmark"), &h, err) <
                       0 ||
                   spool_begin(&a->body, err) < 0
               ? -1
               : history_document(a->body.out, &h, err);
}

/* ---- two runs ---- */

struct joining {
    const struct request *q;
    struct cohort *cohort;
};

static int join(void *arg, const char *server, const struct server_result *result,
                struct error *err) {
    struct joining *j = arg;
    return snapshot_go_on(j->q, err) < 0 ? -1 : cohort_add(j->cohort, server, result, err);
}

static int read_cohort(const struct request *q, struct store *store, const char *id,
                       struct run *run, struct cohort *ret, struct error *err) {
    struct joining j = {q, ret};
    return store_run(store, id, run, err) < 0 ? -1 : store_each(store, run->id, join, &j, err);
}

int api_compare(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    cleanup(cohort_done) struct cohort before = {0};
    cleanup(cohort_done) struct cohort after = {0};
    cleanup(comparison_done) struct comparison comparison = {0};
    const char *from = request_parameter(q, "from"), *to = request_parameter(q, "to");
    struct run runs[2];
    if (!from || !to)
        return answer_refuse(a, MHD_HTTP_BAD_REQUEST, err,
                             "a comparison is of two runs: /api/compare?from=ID&to=ID");
    if (snapshot_open(q, a, &store, err) < 0 ||
        read_cohort(q, store, from, &runs[0], &before, err) < 0 ||
        read_cohort(q, store, to, &runs[1], &after, err) < 0 ||
        compare_runs(&before, &after, COMPARE_PERCENT, &comparison, err) < 0 ||
        spool_begin(&a->body, err) < 0)
        return -1;
    struct compared_runs r = {runs, &before, &after, &comparison, COMPARE_PERCENT};
    return comparison_print_json(a->body.out, &r, err);
}

/* ---- baselines ---- */

int api_baselines(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(str_done) struct str text = {0};
    if (snapshot_open(q, a, &store, err) < 0 || store_baselines(store, &all, err) < 0 ||
        spool_begin(&a->body, err) < 0)
        return -1;
    baselinelist_add_json(&text, &all);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, a->body.out);
    return 0;
}
