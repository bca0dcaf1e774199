/*
 * result: what was measured on one server. Plain data.
 *
 * NAN stands for a number that is not there (null in JSON); NULL for a text that is not there.
 * All texts are valid UTF-8 without control characters (base/text.h). A result owns its texts and
 * arrays.
 */
#pragma once

#include "base/error.h"
#include "model/verdict.h"

#include <stdbool.h>
#include <stddef.h>

struct metric {
    char *name;
    char *unit;
    double value;
    bool lower_is_better;
};

struct benchmark_result {
    char *benchmark;
    enum verdict verdict;
    enum reason reason;
    char *detail; /* NULL when passed */
    double score; /* NAN when there is none */
    char *metric; /* the metric that is judged; NULL when nothing was measured */
    char *unit;
    double value; /* median of the trials; NAN when nothing was measured */
    bool lower_is_better;
    double reference; /* NAN: the raw value is the score */
    double threshold;
    double *trials; /* the judged metric, one value a trial that ended well */
    size_t trial_count;
    double spread; /* NAN until there are two trials */
    double seconds;
    struct metric *metrics; /* every metric, the judged one among them, medians of the trials */
    size_t metric_count;
    char *conditions; /* under which it was measured, where they matter: "hot: 89 C", or NULL */
    char *sensors;    /* what was seen meanwhile, one JSON object as text, or NULL */
};

struct server_result {
    enum verdict verdict;
    enum reason reason;
    char *detail;
    int attempts;
    bool way_broke; /* it ended for a reason on the way to the server; of this run, not kept */
    double seconds;
    char *facts; /* one JSON object as text, or NULL */
    struct benchmark_result *benchmarks;
    size_t benchmark_count;
    struct server_result *earlier; /* attempts that did not pass and were made again, in order */
    size_t earlier_count;
};

void metric_done(struct metric *m);
void benchmark_result_done(struct benchmark_result *r);
void server_result_done(struct server_result *r);
