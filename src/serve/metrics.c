/* metrics: see metrics.h. */
#include "serve/metrics.h"

#include "report/report.h"
#include "serve/api.h"
#include "serve/crew.h"
#include "serve/snapshot.h"

#include <string.h>

static const char *const states[] = {"running", "waiting", "interrupted", "ended"};

static void write_states(FILE *out, const struct run *runs, size_t n) {
    fputs("# HELP muster_runs Runs in the store, by their state.\n# TYPE muster_runs gauge\n", out);
    for (size_t s = 0; s < ARRAY_LEN(states); s++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            count += strcmp(run_state(&runs[i]), states[s]) == 0;
        fprintf(out, "muster_runs{state=\"%s\"} %zu\n", states[s], count);
    }
}

int metrics_text(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n;
    if (snapshot_open(q, a, &store, err) < 0 || store_runs(store, &runs, &n, err) < 0 ||
        spool_begin(&a->body, err) < 0)
        return -1;
    a->type = "text/plain; version=0.0.4; charset=utf-8";
    write_states(a->body.out, runs, n);
    if (crew_samples(a->body.out, store, err) < 0)
        return -1;
    return n == 0 ? 0 : snapshot_write(q, store, &runs[0], report_prometheus, a->body.out, err);
}
