/*
 * simulation: the fleet that needs no servers, as `--simulate[=SPEC]` describes it.
 *
 * SPEC is `servers=N,seed=S,delay=A-B,score=A-B,error=P%`, each part optional. A delay or a score
 * may be one value instead of a range. Left out: 10 servers, a seed from the clock, 1s-10s a
 * benchmark, scores of 0-100, no errors.
 */
#pragma once

#include "base/error.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMULATION_SERVERS_MAX 10000000

struct simulation {
    size_t servers;
    uint64_t seed;
    bool seed_given;              /* false: from the clock, to be told to the user */
    int64_t delay_min, delay_max; /* of one request, ns */
    double score_min, score_max;
    double error_percent; /* of the servers */
};

/* `spec` may be NULL or empty. Fails with ERROR_USAGE, the key in the sentence. */
int simulation_parse(const char *spec, struct simulation *ret, struct error *err) must_use;

/* The fleet: servers named 1 to N. Fails with ERROR_INTERNAL. */
int simulation_servers(const struct simulation *s, struct servers *ret, struct error *err) must_use;
