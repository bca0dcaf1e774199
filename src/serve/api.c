/*
 * api: see api.h.
 *
 * A store belongs to one thread, so every request opens it for itself; what it reads is of one
 * moment. That costs a request a fraction of a millisecond, and leaves nothing to lock.
 */
#include "serve/api.h"

#include "report/document.h"
#include "report/report.h"
#include "serve/site.h"
#include "store/store.h"

static void close_store(struct store **s) {
    store_close(*s);
}

static int open_store(const struct request *q, struct answer *a, struct store **ret,
                      struct error *err) {
    if (store_open(q->site->store, STORE_READ, ret, err) == 0)
        return 0;
    *ret = NULL;
    a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    return -1;
}

int api_health(struct request *q, struct answer *a, struct error *err) {
    cleanup(close_store) struct store *store = NULL;
    a->type = ANSWER_TEXT;
    if (open_store(q, a, &store, err) < 0 || spool_begin(&a->body, err) < 0)
        return -1;
    fputs("ok\n", a->body.out);
    return 0;
}

int api_runs(struct request *q, struct answer *a, struct error *err) {
    cleanup(close_store) struct store *store = NULL;
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n;
    return open_store(q, a, &store, err) < 0 || store_runs(store, &runs, &n, err) < 0 ||
                   spool_begin(&a->body, err) < 0
               ? -1
               : document_runs(a->body.out, runs, n, err);
}

/* ---- a run ---- */

/* The end of the program does not wait for long documents. */
static int go_on(const struct request *q, struct error *err) {
    return cancel_fired(q->site->cancel)
               ? error_set(err, ERROR_INTERRUPTED, "the server is being ended")
               : 0;
}

/* What a report asks for its servers. */
struct reading {
    const struct request *q;
    struct store *store;
};

/* One walk over the servers of the run. */
struct walk {
    const struct request *q;
    report_server_fn *fn;
    void *arg;
};

static int step(void *arg, const char *server, const struct server_result *result,
                struct error *err) {
    struct walk *w = arg;
    return go_on(w->q, err) < 0 ? -1 : w->fn(w->arg, server, result, err);
}

static int each(const struct report_source *from, report_server_fn *fn, void *arg,
                struct error *err) {
    struct reading *r = from->servers;
    struct walk w = {r->q, fn, arg};
    return store_each(r->store, from->run->id, step, &w, err);
}

/* The run that the address names, written by `format`. */
static int write_run(struct request *q, struct answer *a, report_fn *format, struct error *err) {
    cleanup(close_store) struct store *store = NULL;
    cleanup(free_ptr) char *notes = NULL;
    struct run run;
    if (open_store(q, a, &store, err) < 0 || store_run(store, q->names[0], &run, err) < 0 ||
        store_notes(store, run.id, &notes, err) < 0)
        return -1;
    cleanup(free_ptr) char *log = store_log_path(store, run.id);
    if (!log)
        return error_memory(err);
    struct reading reading = {q, store};
    struct report_source from = {
        .run = &run, .notes = notes, .log = log, .each = each, .servers = &reading};
    return spool_begin(&a->body, err) < 0 ? -1 : format(a->body.out, &from, err);
}

int api_run(struct request *q, struct answer *a, struct error *err) {
    return write_run(q, a, report_json, err);
}
