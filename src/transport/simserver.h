/*
 * simserver: what a server of a modelled fleet is (transport/simulation.h), and what it measures.
 *
 * All of it is a function of the seed and the server's name; what it measures of the benchmark, the
 * metric, the age and the trial, too. A server has at most one of the faults slow, throttled,
 * drifting and missing a metric; apart from that it may have the other firmware.
 *
 * A value is worth(kind, benchmark, metric) x (1 + noise x gauss) x (1 - size), with a plus for a
 * metric that is better when lower. `size` is there only while the fault is: a drifting server is
 * as good as the others before SIMULATION_DRIFT_AGE. Pure.
 */
#pragma once

#include "transport/simulation.h"

#define SIMSERVER_METRIC_TEXT 16

enum simfault {
    SIMFAULT_NONE,
    SIMFAULT_SLOW,
    SIMFAULT_THROTTLED,
    SIMFAULT_DRIFT,
    SIMFAULT_MISSING
};

/* What a slow server shows, in a fact. */
enum simcause { SIMCAUSE_GOVERNOR, SIMCAUSE_DIMM_MISSING, SIMCAUSE_DIMM_SPEED, SIMCAUSE_TURBO };
#define SIMCAUSES 4

struct simserver {
    uint64_t hash; /* of the seed and the name */
    size_t kind;   /* from 0 */
    enum simfault fault;
    enum simcause cause; /* of a slow one */
    bool active;         /* the fault is there at this age */
    bool other_firmware;
    double size;        /* of the fault: 0.1 is 10 % */
    size_t metric;      /* the one that is slow or missing */
    size_t mode_metric; /* the one in which the kind's firmwares differ */
};

/* What the name's `hash`, hash_text() of the seed and the name, comes to. */
struct simserver simserver_of(const struct simulation *s, uint64_t hash);

const char *simfault_name(enum simfault fault);

/* "score", "metric02", "metric03"...; every fourth is better when it is lower. */
void simserver_metric_name(size_t metric, char out[SIMSERVER_METRIC_TEXT]);
bool simserver_lower_is_better(size_t metric);

/* Whether the server measures it at all. */
bool simserver_has(const struct simserver *who, size_t metric);

/* One measurement. `benchmark` and `trial` are hashes of what they are. */
double simserver_value(const struct simulation *s, const struct simserver *who, uint64_t benchmark,
                       size_t metric, uint64_t trial);
