/*
 * benchmark: see benchmark.h.
 *
 * The trial runs in a forked process, which prints the whole answer into a pipe; this process waits
 * for it among the session's other events. A trial that is killed, by an illegal instruction or for
 * want of memory, is `benchmark-crashed` and costs nothing else.
 */
#include "benchmark.h"

#include "base/clock.h"
#include "job.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX 65536

/* AGENT_BENCHMARKS is `BENCHMARK(cpu) BENCHMARK(...)` */
#define BENCHMARK(name) extern const struct benchmark benchmark_##name;
AGENT_BENCHMARKS
#undef BENCHMARK
#define BENCHMARK(name) &benchmark_##name,
static const struct benchmark *const benchmarks[] = {AGENT_BENCHMARKS};
#undef BENCHMARK

void trial_add(struct trial *t, const char *name, const char *unit, double value,
               bool lower_is_better) {
    if (!isfinite(value)) {
        t->broken = true;
        return;
    }
    str_add(&t->metrics, t->metrics.len > 0 ? ",{\"name\":" : "{\"name\":");
    answer_text(&t->metrics, name);
    str_add(&t->metrics, ",\"unit\":");
    answer_text(&t->metrics, unit);
    str_addf(&t->metrics, ",\"value\":%.9g,\"better\":\"%s\"}", value,
             lower_is_better ? "lower" : "higher");
}

int benchmark_integer(const struct json *request, const char *name, int64_t min, int64_t max,
                      int64_t fallback, int64_t *ret, struct failure *f) {
    *ret = fallback;
    if (!json_find(request, "parameters", name) ||
        json_integer(request, "parameters", name, min, max, ret))
        return 0;
    return failure_set(f, "unsupported", "the parameter '%s' is not a whole number of %lld to %lld",
                       name, (long long)min, (long long)max);
}

static const struct benchmark *find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(benchmarks); i++)
        if (strcmp(benchmarks[i]->name, name) == 0)
            return benchmarks[i];
    return NULL;
}

static int check_parameters(const struct benchmark *b, const struct json *request,
                            struct failure *f) {
    for (size_t i = 0; i < request->count; i++) {
        const struct json_field *field = &request->fields[i];
        if (!field->object || strcmp(field->object, "parameters") != 0)
            continue;
        const char *const *known = b->parameters;
        while (*known && strcmp(*known, field->key) != 0)
            known++;
        if (!*known)
            return failure_set(f, "unsupported", "%s has no parameter '%.100s'", b->name,
                               field->key);
    }
    return 0;
}

struct child {
    const struct benchmark *benchmark;
    const struct json *request;
    int64_t id;
};

static void run_trial(void *arg, int out) {
    const struct child *c = arg;
    struct str line = {0};
    struct trial t = {0};
    struct failure f;
    int64_t begin = clock_now();
    int rc = c->benchmark->trial(c->request, &t, &f);
    if (rc == 0 && (t.broken || t.metrics.failed || t.metrics.len == 0))
        rc = failure_set(&f, "internal", "%s measured no finite number", c->benchmark->name);
    if (rc == 0) {
        answer_start(&line, "metrics", c->id, clock_now() - begin);
        str_add(&line, ",\"metrics\":[");
        str_add_bytes(&line, t.metrics.data, t.metrics.len);
        str_add_char(&line, ']');
        if (t.cores > 0)
            str_addf(&line, ",\"cores\":%d", t.cores);
        str_add(&line, "}\n");
    } else {
        answer_error(&line, c->id, &f);
    }
    const char *p = line.data;
    for (ssize_t n; p && line.len > 0; p += n, line.len -= (size_t)n)
        if ((n = write(out, p, line.len)) <= 0)
            _exit(1);
    _exit(line.failed);
}

/* Returns 0 with the answer in *out (or none, when the session has ended), or -1. */
static int run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
               struct str *out, struct failure *f) {
    const char *name = json_text(request, "name");
    const struct benchmark *b = name ? find(name) : NULL;
    if (!b)
        return failure_set(f, "unsupported", "the agent has no benchmark '%.100s'",
                           name ? name : "");
    if (check_parameters(b, request, f) != 0)
        return -1;
    struct child child = {.benchmark = b, .request = request, .id = id};
    struct job job = {.child = run_trial,
                      .arg = &child,
                      .deadline = deadline_in(timeout_ms * CLOCK_MS),
                      .output_limit = ANSWER_MAX};
    struct job_result r;
    int rc = 0;
    switch (job_run(io, &job, &r)) {
    case JOB_ENDED:
        break;
    case JOB_FAILED:
        rc = failure_set(f, "internal", "%s cannot be started: %s", b->name, strerror(errno));
        break;
    case JOB_TIMEOUT:
        rc = failure_set(f, "timeout", "%s did not end within %g s", b->name,
                         (double)timeout_ms / 1000);
        break;
    case JOB_EXITED:
        if (WIFSIGNALED(r.status))
            rc = failure_set(f, "benchmark-crashed", "%s was killed by signal %d (%s)", b->name,
                             WTERMSIG(r.status), strsignal(WTERMSIG(r.status)));
        else if (r.status != 0 || r.output.len == 0 || r.output.failed)
            rc = failure_set(f, "benchmark-crashed", "%s gave no answer", b->name);
        else
            str_add_bytes(out, r.output.data, r.output.len);
    }
    str_done(&r.output);
    return rc;
}

void benchmark_run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
                   struct str *out) {
    struct failure f;
    if (run(io, request, id, timeout_ms, out, &f) != 0)
        answer_error(out, id, &f);
}
