/* result: see result.h. */
#include "model/result.h"

void metric_done(struct metric *m) {
    free(m->name);
    free(m->unit);
    free(m->trials);
    *m = (struct metric){0};
}

void benchmark_result_done(struct benchmark_result *r) {
    free(r->benchmark);
    free(r->detail);
    free(r->metric);
    free(r->unit);
    free(r->trials);
    for (size_t i = 0; i < r->metric_count; i++)
        metric_done(&r->metrics[i]);
    free(r->metrics);
    free(r->reference_source);
    free(r->conditions);
    free(r->sensors);
    *r = (struct benchmark_result){0};
}

void server_result_done(struct server_result *r) {
    free(r->detail);
    free(r->facts);
    free(r->kind);
    free(r->machine);
    free(r->findings);
    free(r->why);
    free(r->labels);
    for (size_t i = 0; i < r->benchmark_count; i++)
        benchmark_result_done(&r->benchmarks[i]);
    free(r->benchmarks);
    for (size_t i = 0; i < r->earlier_count; i++)
        server_result_done(&r->earlier[i]);
    free(r->earlier);
    *r = (struct server_result){0};
}

bool server_result_flaky(const struct server_result *r) {
    bool flaky = false;
    for (size_t i = 0; i < r->benchmark_count; i++)
        flaky |= r->benchmarks[i].flaky;
    return flaky && r->verdict == VERDICT_PASSED;
}

void server_result_free(struct server_result *r) {
    if (r)
        server_result_done(r);
    free(r);
}
