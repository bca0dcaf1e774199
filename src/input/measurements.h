/*
 * measurements: numbers that somebody else measured, read from a file.
 *
 * Three forms are told apart by the first line that is not blank:
 *
 *     {"server": "web1", "kind": "A", "memory/triad": 187.3, "memory": {"copy": 201}}
 *     {"server": "web1", "benchmark": "memory", "metric": "triad", "value": 187.3,
 *      "unit": "GB/s", "better": "higher"}
 *
 * JSON lines, an object a line, of either shape (the second one stands on one line too). `node` and
 * `host` mean `server`, so that the results-summary.jsonl of SuperBench is read as it is.
 *
 *     server,kind,memory/triad,memory/copy            server,benchmark,metric,value,unit,better
 *     web1,A,187.3,201                                web1,memory,triad,187.3,GB/s,higher
 *
 * CSV (RFC 4180, no line ends within fields) with a header, wide or long.
 *
 * What stands before the last slash of a metric's name is its benchmark; a name without one is a
 * benchmark with the metric `value`. `:3` at its end is the rank of a process or a device. A metric
 * that a server has twice has two trials. Empty, null, NaN and infinite: not measured. Zero and
 * negative numbers are values. A key of JSON that holds no number on any line is a label. Any other
 * text, and a number in quotes, is a mistake.
 *
 * Memory is bounded: by the longest line, by the mistakes that are kept, and by the cells of the
 * table of servers and metrics. Plain data of its caller; no threads.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "input/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MEASUREMENTS_LINE_MAX (4 << 20)    /* bytes */
#define MEASUREMENTS_VALUES_MAX (50 << 20) /* numbers, and servers x metrics */
#define MEASUREMENTS_MISTAKES_MAX 100
#define MEASUREMENTS_ALONE "value" /* the metric of a name that is a benchmark's */

enum better { BETTER_UNSAID, BETTER_HIGHER, BETTER_LOWER };

struct measured_metric {
    char *benchmark;
    char *metric;
    char *unit; /* NULL: it has none */
    enum better better;
    bool measured; /* there is a number of it */
};

struct measurement {
    uint32_t server; /* of servers */
    uint32_t metric; /* of metrics */
    uint32_t order;  /* in the file */
    double value;    /* finite */
};

struct measurements {
    struct names servers; /* names that server_mistake() lets pass, in the file's order */
    char **kinds;         /* one a server; NULL: not said */
    size_t kind_cap;
    struct measured_metric *metrics; /* in the file's order */
    size_t metric_count, metric_cap;
    struct names keys;         /* of the metrics: BENCHMARK/METRIC */
    struct names labels;       /* keys that were passed over, as they hold no number */
    struct measurement *items; /* by server, metric, order */
    size_t count, cap;
};

void measurements_done(struct measurements *m);

/*
 * Reads `in`, which mistakes call `name`, into *ret, which is empty. Metrics and keys whose name
 * one of the `ignore_count` shell patterns at `ignore` matches are passed over, whatever they hold.
 * Fails with
 *
 * - ERROR_USAGE, when it cannot be read or holds no server: the sentence says all;
 * - ERROR_USAGE, on mistakes: one line each, `FILE:LINE:COLUMN: what`, is appended to *mistakes; at
 *   MEASUREMENTS_MISTAKES_MAX of them reading ends;
 * - ERROR_INTERNAL.
 *
 * *ret is to be let go of either way.
 */
int measurements_read(FILE *in, const char *name, const char *const *ignore, size_t ignore_count,
                      struct measurements *ret, struct str *mistakes, struct error *err) must_use;

/* The length of a metric's name without its rank. */
size_t measurements_rank(const char *name);

/*
 * Parts metrics from benchmarks anew: what one of `benchmarks` names is one. Of the names that a
 * metric's begins with, before a slash, or is but for its rank, the longest is its benchmark.
 */
int measurements_regroup(struct measurements *m, const struct names *benchmarks,
                         struct error *err) must_use;
