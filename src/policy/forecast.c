/*
 * forecast: see forecast.h.
 *
 * Workers are kept in a heap by when they are free; each server goes to the first one. That is what
 * the pool does, so that the end, where a long server is waited for alone, is in the number too.
 */
#include "policy/forecast.h"

#include "base/clock.h"
#include "wire/jsontext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a trial takes: so many times its `duration` (docs/BENCHMARKS.md tells its phases), and so
 * much besides, in seconds, by which the run in README.md comes out. Larger machines take longer.
 */
static const struct pace {
    const char *name;
    double durations;
    double besides;
} paces[] = {
    {"cpu", 7, 0.3},
    {"memory", 7.0 / 3, 3.5}, /* arrays are filled and checked, which depends on their size */
    {"disk", 5, 0.3},
    {"gpu", 8, 0.2},
};

/* ---- by themselves ---- */

static double duration_of(const struct benchmark_plan *b, const struct builtin *builtin) {
    struct error ignored;
    double ns = 0;
    for (const struct parameter *p = builtin->parameters; p->name; p++)
        if (strcmp(p->name, "duration") == 0)
            ns = (double)p->fallback;
    json_t *given = b->parameters ? jsontext_read(b->parameters, &ignored) : NULL;
    json_t *set = json_object_get(given, "duration");
    if (json_is_integer(set))
        ns = (double)json_integer_value(set);
    json_decref(given);
    return ns / (double)CLOCK_S;
}

static double seconds_of(const struct benchmark_plan *b) {
    const struct builtin *builtin = builtins;
    if (b->command)
        return NAN;
    while (builtin->name && strcmp(builtin->name, b->name) != 0)
        builtin++;
    for (size_t i = 0; builtin->name && i < ARRAY_LEN(paces); i++)
        if (strcmp(paces[i].name, b->name) == 0)
            return (b->trials + builtin->warm_up) *
                   (paces[i].durations * duration_of(b, builtin) + paces[i].besides);
    return NAN;
}

double forecast_defaults(const struct plan *plan) {
    double sum = 0;
    for (size_t i = 0; i < plan->benchmark_count; i++)
        sum += seconds_of(&plan->benchmarks[i]);
    return sum;
}

bool forecast_tells(const struct benchmark_plan *b) {
    return !isnan(seconds_of(b));
}

/* What those of the benchmarks take that tell; NAN when none does. */
static double defaults_of_some(const struct plan *plan) {
    double sum = 0;
    for (size_t i = 0; i < plan->benchmark_count; i++)
        if (forecast_tells(&plan->benchmarks[i]))
            sum += seconds_of(&plan->benchmarks[i]);
    return sum > 0 ? sum : NAN;
}

/* ---- shared by workers ---- */

static int longer_first(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x > y ? -1 : x < y;
}

/* The root of the heap is later now: moves it to its place. */
static void sift(double *heap, size_t n) {
    for (size_t i = 0;;) {
        size_t child = 2 * i + 1;
        if (child < n && child + 1 < n && heap[child + 1] < heap[child])
            child++;
        if (child >= n || heap[i] <= heap[child])
            return;
        double later = heap[i];
        heap[i] = heap[child];
        heap[child] = later;
        i = child;
    }
}

double forecast_spread(double *took, size_t n, size_t workers, bool longest_first) {
    if (n == 0)
        return 0;
    workers = workers < 1 ? 1 : workers < n ? workers : n;
    double *heap = calloc(workers, sizeof(*heap)), end = 0;
    if (!heap)
        return NAN;
    if (longest_first)
        qsort(took, n, sizeof(*took), longer_first);
    for (size_t i = 0; i < n; i++) {
        heap[0] += took[i];
        end = fmax(end, heap[0]);
        sift(heap, workers);
    }
    free(heap);
    return end;
}

/* ---- altogether ---- */

static double deadline_of(const struct plan *plan, size_t n) {
    double all = NAN;
    if (plan->server_timeout != DEADLINE_NEVER)
        all = ceil((double)n / plan->fanout) * (double)plan->server_timeout / (double)CLOCK_S;
    if (plan->run_timeout != DEADLINE_NEVER)
        all = fmin(all, (double)plan->run_timeout / (double)CLOCK_S); /* of a NAN, the other */
    return all;
}

int forecast_make(const struct plan *plan, const double *took, size_t n, double otherwise,
                  struct forecast *ret, struct error *err) {
    cleanup(free_ptr) double *all = calloc(n + 1, sizeof(*all));
    struct forecast f = {.seconds = NAN, .part = NAN, .at_most = deadline_of(plan, n)};
    double sum = 0;
    if (!all)
        return error_memory(err);
    for (size_t i = 0; i < n; i++) {
        f.known += !isnan(took[i]);
        sum += isnan(took[i]) ? 0 : took[i];
    }
    double rest = f.known > 0 ? sum / (double)f.known : otherwise;
    f.source = f.known > 0 ? FORECAST_HISTORY : isnan(rest) ? FORECAST_NONE : FORECAST_DEFAULTS;
    if (f.source == FORECAST_NONE)
        rest = defaults_of_some(plan);
    for (size_t i = 0; i < n; i++)
        all[i] = isnan(took[i]) ? rest : took[i];
    if (!isnan(rest)) {
        double seconds = forecast_spread(all, n, (size_t)plan->fanout, plan->longest_first);
        if (isnan(seconds))
            return error_memory(err);
        *(f.source == FORECAST_NONE ? &f.part : &f.seconds) = seconds;
    }
    *ret = f;
    return 0;
}
