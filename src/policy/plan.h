/*
 * plan: what a run will do on each server. Made once from the configuration and the command line,
 * then shared read-only by all workers.
 */
#pragma once

#include "base/error.h"
#include "input/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_FANOUT 32
#define PLAN_THRESHOLD 50.0

struct benchmark_plan {
    const char *name;
    const char *command;           /* NULL: built into the agent */
    const struct extract *extract; /* of a command */
    const struct config_env *env;
    size_t env_count;
    const char *needs;
    const char *metric;
    const char *unit;
    bool lower_is_better;
    double reference;        /* NAN: the raw value is the score */
    bool reference_per_core; /* the reference is of one core: times the cores measured */
    double threshold;
    int64_t timeout; /* of one trial, ns */
    int trials;
};

struct plan {
    struct benchmark_plan *benchmarks;
    size_t benchmark_count;
    double threshold;
    int fanout;
    int64_t server_timeout; /* ns; DEADLINE_NEVER: none */
    int64_t run_timeout;
};

/* What the command line says; NULL, 0 and NAN: not given. */
struct plan_options {
    const char *benchmarks; /* a,b */
    int fanout;
    double threshold;
    int64_t server_timeout;
    bool simulated; /* the benchmarks are the simulated servers' cpu and gpu */
};

/*
 * Makes the plan. The configuration must outlive it. Without -b the benchmarks are those that the
 * configuration lists, or the built-in ones when it lists none. Fails with ERROR_USAGE: an unknown
 * benchmark (the nearest one suggested), a bad number.
 */
int plan_make(const struct config *config, const struct plan_options *options, struct plan *ret,
              struct error *err) must_use;
void plan_done(struct plan *p);
