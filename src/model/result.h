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
    double value; /* the median of the trials */
    bool lower_is_better;
    double *trials; /* one value a trial, in order */
    size_t trial_count;
    double spread; /* how sure the median is: stats_spread(); NAN until there are two trials */
};

struct benchmark_result {
    char *benchmark;
    enum verdict verdict;
    enum reason reason;
    char *detail; /* NULL when passed, unless it is flaky */
    bool flaky;   /* it passed after a miss at first, or noise could turn that */
    double score; /* NAN when there is none */
    char *metric; /* the metric that is judged; NULL when nothing was measured */
    char *unit;
    double value; /* median of the trials; NAN when there was none */
    bool lower_is_better;
    double reference;       /* NAN: the raw value is the score */
    char *reference_source; /* where that is from: "configuration", "baseline RUN", "built-in" */
    double threshold;
    double *trials; /* of the judged metric, one value a trial, in order */
    size_t trial_count;
    double spread; /* how sure the median is: stats_spread(); NAN until there are two trials */
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
    double seconds;
    char *facts;    /* one JSON object as text, or NULL */
    char *kind;     /* the hardware group that it was judged as one of, or NULL */
    char *machine;  /* what it is known by whatever its name is, or NULL */
    char *findings; /* what judging the run as a whole found on it, a JSON array, or NULL */
    char *why;      /* what is different about it, a JSON array, or NULL */
    char *labels;   /* what its user says of it (model/labels.h), or NULL */
    struct benchmark_result *benchmarks;
    size_t benchmark_count;
    struct server_result *earlier; /* attempts that did not pass and were made again, in order */
    size_t earlier_count;
};

void metric_done(struct metric *m);
void benchmark_result_done(struct benchmark_result *r);
void server_result_done(struct server_result *r);

/* Whether the server passed, and not all of its benchmarks beyond doubt. */
bool server_result_flaky(const struct server_result *r);

/* Of a result that was allocated. NULL is allowed. */
void server_result_free(struct server_result *r);
