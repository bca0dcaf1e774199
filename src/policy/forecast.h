/*
 * forecast: how long a run will take that is not begun yet.
 *
 * By what its servers took in earlier runs; where nothing is known of them, by what the built-in
 * benchmarks take with their parameters. Pure.
 */
#pragma once

#include "policy/plan.h"

/* Where the number of seconds is from. */
enum forecast_source {
    FORECAST_NONE,     /* nothing tells: there are commands, and no history of them */
    FORECAST_DEFAULTS, /* what the benchmarks take by themselves */
    FORECAST_HISTORY,  /* of some of the servers, or all */
};

struct forecast {
    double seconds; /* NAN: not known */
    enum forecast_source source;
    double part;    /* where nothing tells: of those benchmarks that do; NAN: there are none */
    size_t known;   /* servers of which there is a history */
    double at_most; /* by the deadlines; NAN: there are none */
};

/*
 * `took` has what each of the n servers is expected to take, NAN where nothing is known; these take
 * the mean of the others or, when nothing is known of any, `otherwise`. Servers are begun in this
 * order or, with plan->longest_first, as that has them. ERROR_INTERNAL.
 */
int forecast_make(const struct plan *plan, const double *took, size_t n, double otherwise,
                  struct forecast *ret, struct error *err) must_use;

/* What the plan's benchmarks take on a server by themselves; NAN when one of them is a command. */
double forecast_defaults(const struct plan *plan);

/* Whether the benchmark tells by itself what it takes; a command does not. */
bool forecast_tells(const struct benchmark_plan *b);

/*
 * How long `workers` take, each of which begins the next one when it has ended one. Changes
 * took[]'s order with `longest_first`. NAN when memory ran out.
 */
double forecast_spread(double *took, size_t n, size_t workers, bool longest_first);
