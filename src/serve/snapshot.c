/* snapshot: see snapshot.h. */
#include "serve/snapshot.h"

#include "serve/site.h"
#include "store/logread.h"

int snapshot_open(const struct request *q, struct answer *a, struct store **ret,
                  struct error *err) {
    *ret = NULL;
    if (store_open(q->site->store, STORE_READ, ret, err) == 0)
        return 0;
    *ret = NULL;
    a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    return -1;
}

void snapshot_close(struct store **s) {
    store_close(*s);
}

int snapshot_go_on(const struct request *q, struct error *err) {
    return cancel_fired(q->site->cancel)
               ? error_set(err, ERROR_INTERRUPTED, "muster serve is being ended")
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
    return snapshot_go_on(w->q, err) < 0 ? -1 : w->fn(w->arg, server, result, err);
}

static int each(const struct report_source *from, report_server_fn *fn, void *arg,
                struct error *err) {
    struct reading *r = from->reading;
    struct walk w = {r->q, fn, arg};
    return store_each(r->store, from->run->id, step, &w, err);
}

static int open_log(const struct report_source *from, FILE **ret, struct error *err) {
    const struct reading *r = from->reading;
    return store_log_stream(r->store, from->run->id, ret, err);
}

int snapshot_write(const struct request *q, struct store *store, const struct run *run,
                   report_fn *format, FILE *out, struct error *err) {
    cleanup(free_ptr) char *notes = NULL;
    if (store_notes(store, run->id, &notes, err) < 0)
        return -1;
    struct reading reading = {q, store};
    struct report_source from = {
        .run = run, .notes = notes, .each = each, .log = open_log, .reading = &reading};
    return format(out, &from, err);
}
