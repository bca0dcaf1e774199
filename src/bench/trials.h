/*
 * trials: what the trials of one benchmark measured, metric by metric, until it is judged; and, as
 * the judgement may ask for more of them, beyond that.
 */
#pragma once

#include "base/error.h"
#include "model/result.h"
#include "policy/plan.h"
#include "wire/wire.h"

struct trials {
    struct metric *metrics; /* names and units as in the first trial; the first one is judged */
    size_t metric_count;
    size_t count; /* of trials, which every metric has a value of */
    size_t cap;   /* of every metric's values */
    int units;    /* as the first trial told them: see wire/wire.h */
    char *class;
    char *conditions, *sensors; /* as the last trial told them, or NULL */
};

void trials_done(struct trials *t);

/* Adds a trial of a command: one number. */
int trials_add_value(struct trials *t, const struct benchmark_plan *p, double value,
                     struct error *err) must_use;

/*
 * Adds a trial of a built-in benchmark, taking the metrics out of the message of the first one.
 * ERROR_BAD_OUTPUT when a later trial does not have the metrics of the first.
 */
int trials_add_metrics(struct trials *t, struct wire_message *m, struct error *err) must_use;

/*
 * Copies to the result, in place of what was copied there before, what was measured until now: the
 * metrics with their trials, medians and spreads; the judged one's name, unit, direction and
 * trials; the conditions. There must be a trial.
 */
int trials_copy(const struct trials *t, struct benchmark_result *r, struct error *err) must_use;
