/*
 * simulation: the fleet that needs no servers, as `--simulate[=SPEC]` describes it.
 *
 * SPEC is `KEY=VALUE,...`, each key optional:
 *   servers=N             so many servers, named 1 to N (10)
 *   seed=S                whose dice they are (from the clock)
 *   delay=A-B             how long a benchmark takes (1s-10s); A alone is A-A
 *   skew=K                how long is a matter of the server and nothing else: a few take long.
 *                         A + (B - A) u^K with u uniform, K above 0 and up to 100
 *   score=A-B             what a benchmark comes to (0-100); A alone is A-A
 *   error=P%              a share of the servers errs (0 %)
 *
 * With none but these a score is drawn anew for each trial, and no server is like another. Any of
 * the following makes a modelled fleet, where a server of a kind is worth what its kind is worth,
 * so that what falls behind can be found (transport/simserver.h):
 *   kinds=K               so many kinds of servers (1), one drawn for each server
 *   metrics=M             so many metrics of each benchmark (1), the first one judged
 *   noise=P%              standard deviation of a measurement (1 %)
 *   slow=P%:SIZE%         a share of the servers is slower by SIZE (10 %) in one metric
 *   throttled=P%:SIZE%    ... in all metrics, being too hot
 *   drift=P%:SIZE%        ... in one metric, from the age SIMULATION_DRIFT_AGE on
 *   missing=P%            a share of the servers lacks one metric, not the first
 *   bimodal=P%:SIZE%      a share of the servers has another firmware, with which one metric of
 *                         each kind is lower by SIZE: the usual two groups, no fault
 *   age=N                 the point in time (0): another age is other noise on the same servers
 *   truth=FILE            what was planted is written there (transport/simtruth.h)
 * In it `score` is what metrics of a kind are worth on a good server (100-1000).
 */
#pragma once

#include "base/error.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMULATION_SERVERS_MAX 10000000
#define SIMULATION_KINDS_MAX 64
#define SIMULATION_METRICS_MAX 100
#define SIMULATION_AGE_MAX 1000000
#define SIMULATION_DRIFT_AGE 10
#define SIMULATION_PATH_MAX 1024

/* So many of the servers, by so much slower. */
struct simulation_fault {
    double percent;
    double size_percent;
};

struct simulation {
    size_t servers;
    uint64_t seed;
    bool seed_given;              /* false: from the clock, to be told to the user */
    int64_t delay_min, delay_max; /* of one request, ns */
    double skew;                  /* 0: drawn for each request */
    double score_min, score_max;
    double error_percent; /* of the servers */
    bool modelled;        /* false: nothing of what follows means anything */
    size_t kinds;
    size_t metrics;
    double noise_percent;
    struct simulation_fault slow, throttled, drift, bimodal;
    struct simulation_fault missing; /* without a size */
    uint64_t age;
    char truth[SIMULATION_PATH_MAX]; /* empty: it is not written */
};

/* `spec` may be NULL or empty. Fails with ERROR_USAGE, the key in the sentence. */
int simulation_parse(const char *spec, struct simulation *ret, struct error *err) must_use;

/* The fleet: servers named 1 to N. Fails with ERROR_INTERNAL. */
int simulation_servers(const struct simulation *s, struct servers *ret, struct error *err) must_use;
