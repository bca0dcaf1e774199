/*
 * benchmark: see benchmark.h.
 *
 * The process prints, for each byte that it is sent, what belongs into the answer; this process
 * adds the rest, and looks at the sensors meanwhile. A trial that is killed, by an illegal
 * instruction or for want of memory, is `benchmark-crashed` and costs nothing else.
 */
#include "benchmark.h"

#include "base/clock.h"
#include "base/text.h"
#include "job.h"
#include "sensors.h"
#include "tmpdir.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX 65536
#define NOTE_MAX 160
#define NOTES_MAX 480
#define NOTE_END "; "
#define NOTES_END "\t" /* between a trial's notes and its answer; neither can contain it */
#define PARAMETERS_MAX 16
#define SETTLE_MAX_MS (3600 * 1000)

/* AGENT_BENCHMARKS is `BENCHMARK(cpu) BENCHMARK(...)` */
#define BENCHMARK(name) extern const struct benchmark benchmark_##name;
AGENT_BENCHMARKS
#undef BENCHMARK
#define BENCHMARK(name) &benchmark_##name,
static const struct benchmark *const benchmarks[] = {AGENT_BENCHMARKS};
#undef BENCHMARK

/* What runs now, between requests too: NULL when nothing does. */
static const struct benchmark *running;
static struct job job;
static struct str notes; /* of the trials until now */

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

void trial_note(struct trial *t, const char *format, ...) {
    char note[NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(note, sizeof(note), format, args);
    va_end(args);
    if (t->notes.len > 0)
        str_add(&t->notes, NOTE_END);
    text_add_printable(&t->notes, note, strlen(note), NOTE_MAX);
}

/* ---- parameters ---- */

static const struct benchmark *find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(benchmarks); i++)
        if (strcmp(benchmarks[i]->name, name) == 0)
            return benchmarks[i];
    return NULL;
}

static const struct parameter *find_parameter(const struct benchmark *b, const char *name) {
    for (const struct parameter *p = b->parameters; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static int set(const struct parameter *p, const struct json_field *field, struct setting *ret,
               struct failure *f) {
    if (p->kind == PARAMETER_PATH) {
        if (field->kind != JSON_TEXT || field->text[0] != '/')
            return failure_set(f, "unsupported", "the parameter '%s' is not an absolute path",
                               p->name);
        ret->text = field->text;
        return 0;
    }
    if (p->kind == PARAMETER_LIST) {
        if (field->kind != JSON_TEXT || !parameter_is_list(field->text))
            return failure_set(f, "unsupported", "the parameter '%s' is not a list of numbers",
                               p->name);
        ret->text = field->text;
        return 0;
    }
    double n = field->number;
    if (field->kind != JSON_NUMBER || n != floor(n) || n < (double)p->min || n > (double)p->max)
        return failure_set(f, "unsupported",
                           "the parameter '%s' is not a whole number of %lld to %lld", p->name,
                           (long long)p->min, (long long)p->max);
    ret->number = (int64_t)n;
    return 0;
}

/* The request's parameters over the fallbacks. */
static int read_settings(const struct benchmark *b, const struct json *request,
                         struct setting settings[PARAMETERS_MAX], struct failure *f) {
    for (size_t i = 0; b->parameters[i].name; i++)
        settings[i] = (struct setting){.number = b->parameters[i].fallback};
    for (size_t i = 0; i < request->count; i++) {
        const struct json_field *field = &request->fields[i];
        if (!field->object || strcmp(field->object, "parameters") != 0)
            continue;
        const struct parameter *p = find_parameter(b, field->key);
        if (!p)
            return failure_set(f, "unsupported", "%s has no parameter '%.100s'", b->name,
                               field->key);
        if (set(p, field, &settings[p - b->parameters], f) != 0)
            return -1;
    }
    return 0;
}

/* ---- the benchmark's own process ---- */

struct child {
    const struct benchmark *benchmark;
    const struct setting *settings;
};

static void say(int out, struct str *line) {
    str_add_char(line, '\n');
    const char *p = line->data;
    size_t left = line->len;
    for (ssize_t n; !line->failed && left > 0; p += n, left -= (size_t)n)
        if ((n = write(out, p, left)) <= 0)
            _exit(1);
    if (line->failed)
        _exit(1);
    str_clear(line);
}

static void say_failure(int out, const struct failure *f) {
    cleanup(str_done) struct str line = {0};
    str_add(&line, NOTES_END);
    answer_failure(&line, f);
    say(out, &line);
}

/* One trial and its check. */
static int measure(const struct child *c, struct trial *t, struct failure *f) {
    const struct benchmark *b = c->benchmark;
    if (b->trial(c->settings, t, f) != 0 || (b->verify && b->verify(c->settings, f) != 0))
        return -1;
    if (t->broken || t->metrics.failed || t->metrics.len == 0)
        return failure_set(f, "internal", "%s measured no finite number", b->name);
    return 0;
}

static void trial_done(struct trial *t) {
    str_done(&t->metrics);
    str_done(&t->notes);
}

static void say_trial(const struct child *c, int out) {
    cleanup(str_done) struct str line = {0};
    cleanup(trial_done) struct trial t = {0};
    struct failure f;
    int64_t begin = clock_now();
    if (measure(c, &t, &f) != 0) {
        say_failure(out, &f);
        return;
    }
    int64_t took = clock_now() - begin;
    str_add_bytes(&line, t.notes.data, t.notes.len);
    str_add(&line, NOTES_END);
    answer_start(&line, "metrics", took);
    str_add(&line, ",\"metrics\":[");
    str_add_bytes(&line, t.metrics.data, t.metrics.len);
    str_add_char(&line, ']');
    if (t.units > 0)
        str_addf(&line, ",\"units\":%d", t.units);
    if (t.class) {
        str_add(&line, ",\"class\":");
        answer_text(&line, t.class);
    }
    say(out, &line);
}

/* Prepares, then runs a trial for every byte that is read; a failure ends it. */
static void run_child(void *arg, int in, int out) {
    const struct child *c = arg;
    const struct benchmark *b = c->benchmark;
    struct failure f;
    cleanup(trial_done) struct trial unused = {0};
    char go;
    io_reset_signals();
    if ((b->prepare && b->prepare(c->settings, &f) != 0) ||
        (b->warm_up && measure(c, &unused, &f) != 0)) {
        say_failure(out, &f);
        _exit(0);
    }
    while (read(in, &go, 1) == 1)
        say_trial(c, out);
    _exit(0);
}

/* ---- requests ---- */

static void sample(void *unused) {
    (void)unused;
    sensors_sample();
}

static int start(const struct benchmark *b, const struct json *request, struct failure *f) {
    struct setting settings[PARAMETERS_MAX] = {0};
    struct child child = {.benchmark = b, .settings = settings};
    if (read_settings(b, request, settings, f) != 0)
        return -1;
    if (b->tmpdir)
        tmpdir_get(); /* here, so that this process knows it */
    if (job_start(&job, run_child, &child) != 0)
        return failure_set(f, "internal", "%s cannot be started: %s", b->name, strerror(errno));
    job.output.head_max = ANSWER_MAX;
    running = b;
    sensors_begin(job.leader);
    return 0;
}

/* How the process ended that should have printed a line. */
static int crashed(const struct benchmark *b, struct failure *f) {
    if (WIFSIGNALED(job.status))
        return failure_set(f, "benchmark-crashed", "%s was killed by signal %d (%s)%s", b->name,
                           WTERMSIG(job.status), strsignal(WTERMSIG(job.status)),
                           WTERMSIG(job.status) == SIGKILL ? ": by the kernel, out of memory?"
                                                           : "");
    return failure_set(f, "benchmark-crashed", "%s gave no answer", b->name);
}

/* The length of the first of several notes. */
static size_t note_length(const char *p) {
    const char *end = strstr(p, NOTE_END);
    return end ? (size_t)(end - p) : strlen(p);
}

/* The note after that one, or NULL. */
static const char *note_next(const char *p) {
    const char *end = strstr(p, NOTE_END);
    return end ? end + strlen(NOTE_END) : NULL;
}

static bool is_told(const char *note, size_t n) {
    for (const char *p = notes.data; p; p = note_next(p))
        if (note_length(p) == n && memcmp(p, note, n) == 0)
            return true;
    return false;
}

static void keep_notes(const char *trial) {
    for (const char *p = trial; p && *p; p = note_next(p)) {
        size_t n = note_length(p);
        if (is_told(p, n) || notes.len + n > NOTES_MAX)
            continue;
        if (notes.len > 0)
            str_add(&notes, NOTE_END);
        str_add_bytes(&notes, p, n);
    }
}

/* Returns 0 with the answer in *out (or none, when the session has ended), or -1. */
static int run_trial(struct io *io, const struct benchmark *b, int64_t id, int64_t timeout_ms,
                     struct str *out, struct failure *f) {
    static const struct job_tick tick = {.every = SENSORS_EVERY, .tick = sample};
    sensors_sample();
    job_go(&job);
    switch (job_line(io, &job, deadline_in(timeout_ms * CLOCK_MS), &tick)) {
    case JOB_ENDED:
        return 0;
    case JOB_TIMEOUT:
        return failure_set(f, "timeout", "%s did not end within %g s", b->name,
                           (double)timeout_ms / 1000);
    case JOB_EXITED:
        return crashed(b, f);
    case JOB_LINE:
        break;
    }
    sensors_sample();
    char *answer = strstr(job.output.head.data, NOTES_END);
    if (!answer) /* it was cut, or foreign code wrote into it */
        return failure_set(f, "internal", "%s gave an answer that has no end", b->name);
    *answer++ = '\0';
    keep_notes(job.output.head.data);
    answer_open(out, id);
    str_add(out, answer);
    sensors_add(out, notes.data);
    str_add(out, "}\n");
    return 0;
}

static int run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
               struct str *out, struct failure *f) {
    const char *name = json_text(request, "name");
    const struct benchmark *b = name ? find(name) : NULL;
    int64_t number, settle_ms;
    if (!b)
        return failure_set(f, "unsupported", "the agent has no benchmark '%.100s'",
                           name ? name : "");
    if (!json_integer(request, NULL, "trial", 1, INT32_MAX, &number) ||
        !json_integer(request, NULL, "settle_ms", 0, SETTLE_MAX_MS, &settle_ms))
        return failure_set(f, "internal", "a benchmark without the number of its trial");
    if (number == 1 || b != running) {
        benchmark_stop();
        if (!sensors_settle(io, settle_ms * CLOCK_MS))
            return 0;
        if (start(b, request, f) != 0)
            return -1;
    }
    return run_trial(io, b, id, timeout_ms, out, f);
}

void benchmark_run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
                   struct str *out) {
    struct failure f;
    if (run(io, request, id, timeout_ms, out, &f) == 0)
        return;
    benchmark_stop();
    answer_error(out, id, &f);
}

void benchmark_stop(void) {
    if (!running)
        return;
    running = NULL;
    sensors_end();
    job_stop(&job);
    output_done(&job.output);
    str_done(&notes);
}

/* ---- what muster has to know ---- */

static void describe_parameter(struct str *out, const struct parameter *p) {
    static const char *const kinds[] = {"count", "bytes", "duration", "flag", "path", "list"};
    str_add(out, "{\"name\":");
    answer_text(out, p->name);
    str_addf(out, ",\"kind\":\"%s\",\"min\":%lld,\"max\":%lld,\"default\":%lld,\"quick\":%lld,",
             kinds[p->kind], (long long)p->min, (long long)p->max, (long long)p->fallback,
             (long long)p->quick);
    str_add(out, "\"about\":");
    answer_text(out, p->about);
    str_add_char(out, '}');
}

int benchmark_describe(void) {
    cleanup(str_done) struct str out = {0};
    for (size_t i = 0; i < ARRAY_LEN(benchmarks); i++) {
        const struct benchmark *b = benchmarks[i];
        str_add(&out, i > 0 ? ",\n{\"name\":" : "[{\"name\":");
        answer_text(&out, b->name);
        str_add(&out, ",\"about\":");
        answer_text(&out, b->about);
        str_addf(&out, ",\"trials\":%d,\"warm_up\":%s,\"parameters\":[", b->trials,
                 b->warm_up ? "true" : "false");
        for (const struct parameter *p = b->parameters; p->name; p++) {
            if (p > b->parameters)
                str_add_char(&out, ',');
            describe_parameter(&out, p);
        }
        str_add(&out, "]}");
    }
    str_add(&out, "]\n");
    return out.failed || fputs(out.data, stdout) < 0 || fflush(stdout) != 0 ? -1 : 0;
}
