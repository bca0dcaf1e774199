/*
 * simserver: see simserver.h.
 *
 * Chance is drawn as in transport/simulated: a hash of what it is for and the number of the draw.
 * The numbers here begin where those there end. The noise is a normal one, by Box and Muller's
 * transform (A Note on the Generation of Random Normal Deviates, 1958).
 */
#include "transport/simserver.h"

#include "base/hash.h"

#include <math.h>
#include <stdio.h>

enum draw {
    DRAW_KIND = 16,
    DRAW_FAULT,
    DRAW_FIRMWARE,
    DRAW_METRIC,
    DRAW_CAUSE,
    DRAW_MODE,
    DRAW_WORTH,
    DRAW_RADIUS,
    DRAW_ANGLE
};

static double draw(uint64_t h, enum draw number) {
    return hash_fraction(hash_mix(h + (uint64_t)number));
}

static size_t draw_index(uint64_t h, enum draw number, size_t count) {
    return (size_t)(draw(h, number) * (double)count);
}

static double gauss(uint64_t h) {
    double radius = sqrt(-2 * log(1 - draw(h, DRAW_RADIUS)));
    return radius * cos(2 * M_PI * draw(h, DRAW_ANGLE));
}

/* What is common to the servers of a kind. */
static uint64_t hash_kind(const struct simulation *s, size_t kind) {
    return hash_mix(hash_mix(s->seed) + kind);
}

/* One draw for all faults: their shares lie side by side. */
static void give_fault(const struct simulation *s, struct simserver *who) {
    const struct simulation_fault *shares[] = {NULL, &s->slow, &s->throttled, &s->drift,
                                               &s->missing};
    double at = draw(who->hash, DRAW_FAULT) * 100;
    for (int fault = SIMFAULT_SLOW; fault <= SIMFAULT_MISSING; fault++) {
        at -= shares[fault]->percent;
        if (at >= 0)
            continue;
        who->fault = (enum simfault)fault;
        who->size = shares[fault]->size_percent / 100;
        who->active = fault != SIMFAULT_DRIFT || s->age >= SIMULATION_DRIFT_AGE;
        return;
    }
}

struct simserver simserver_of(const struct simulation *s, uint64_t hash) {
    struct simserver who = {.hash = hash,
                            .kind = draw_index(hash, DRAW_KIND, s->kinds),
                            .cause = (enum simcause)draw_index(hash, DRAW_CAUSE, SIMCAUSES),
                            .other_firmware = draw(hash, DRAW_FIRMWARE) * 100 < s->bimodal.percent,
                            .metric = draw_index(hash, DRAW_METRIC, s->metrics)};
    who.mode_metric = draw_index(hash_kind(s, who.kind), DRAW_MODE, s->metrics);
    give_fault(s, &who);
    if (who.fault == SIMFAULT_MISSING) /* the first one is what servers are judged by */
        who.metric = 1 + draw_index(hash, DRAW_METRIC, s->metrics - 1);
    return who;
}

const char *simfault_name(enum simfault fault) {
    static const char *const names[] = {"none", "slow", "throttled", "drift", "missing"};
    return names[fault];
}

void simserver_metric_name(size_t metric, char out[SIMSERVER_METRIC_TEXT]) {
    if (metric == 0)
        snprintf(out, SIMSERVER_METRIC_TEXT, "score");
    else
        snprintf(out, SIMSERVER_METRIC_TEXT, "metric%02u", (unsigned)(metric + 1) % 1000);
}

bool simserver_lower_is_better(size_t metric) {
    return metric % 4 == 3;
}

bool simserver_has(const struct simserver *who, size_t metric) {
    return who->fault != SIMFAULT_MISSING || metric != who->metric;
}

/* What the firmware and the fault take from a metric: 0.1 is 10 %. */
static double loss_of(const struct simulation *s, const struct simserver *who, size_t metric) {
    double left = 1;
    if (who->other_firmware && metric == who->mode_metric)
        left -= s->bimodal.size_percent / 100;
    if (who->active && (who->fault == SIMFAULT_THROTTLED || metric == who->metric))
        left *= 1 - who->size;
    return 1 - left;
}

double simserver_value(const struct simulation *s, const struct simserver *who, uint64_t benchmark,
                       size_t metric, uint64_t trial) {
    uint64_t kind = hash_mix(hash_mix(hash_kind(s, who->kind) ^ benchmark) + metric);
    double worth = s->score_min + draw(kind, DRAW_WORTH) * (s->score_max - s->score_min);
    uint64_t measurement = hash_mix(hash_mix(hash_mix(who->hash ^ benchmark) + trial) + metric);
    double noise = gauss(hash_mix(measurement + s->age)) * s->noise_percent / 100;
    double loss = loss_of(s, who, metric);
    double value = worth * (1 + noise) * (simserver_lower_is_better(metric) ? 1 + loss : 1 - loss);
    return value > 0 ? value : 0; /* more noise than there is to measure */
}
