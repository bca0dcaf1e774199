/*
 * cohort: the numbers of many servers side by side, one row a server, one column a metric.
 *
 * Everything that judges servers by one another (policy/peers, a baseline, a comparison of runs)
 * looks at such a table and not at where its numbers came from: a run in the store or a file.
 *
 * A number that is NaN or infinite was not measured; zero and negative numbers are values. A metric
 * is known by its benchmark, its name, its unit and what is better of it: numbers in another unit
 * are another metric, because they cannot be compared. Rows and metrics stand in the order in which
 * they were added. Plain data, owned by the cohort. Functions fail with ERROR_INTERNAL only.
 */
#pragma once

#include "base/attr.h"
#include "base/error.h"
#include "input/names.h"
#include "model/result.h"

#include <stdbool.h>
#include <stddef.h>

/* The kind of a server that nothing is known of. */
#define COHORT_UNKNOWN "unknown"

struct cohort_metric {
    char *benchmark;
    char *metric;
    char *unit; /* NULL: it has none */
    bool lower_is_better;
    bool judged;    /* the one metric of its benchmark that has the score */
    double *values; /* one a server; NAN: not measured */
    size_t cap;
};

struct cohort_server {
    char *name;       /* or NULL */
    const char *kind; /* never NULL; the cohort's, as the next */
    const char *disk; /* class of its disk, which metrics of the benchmark `disk` are judged by; or
                         NULL */
    char *machine;    /* what it is known by when it is renamed; or NULL */
    enum verdict verdict;
    enum reason reason;
    bool measured; /* its benchmarks ran: it passed or failed */
};

struct cohort {
    struct cohort_server *servers;
    size_t server_count, server_cap;
    struct cohort_metric *metrics;
    size_t metric_count, metric_cap;
    size_t next; /* the metric that is looked for first: servers have theirs in the same order */
    struct names words; /* kinds and disks, each once however many servers are of it */
};

void cohort_done(struct cohort *c);

/* Adds a row without numbers, of a server that passed. `kind` may be NULL. */
int cohort_add_server(struct cohort *c, const char *server, const char *kind,
                      struct error *err) must_use;

/*
 * Adds so many rows to an empty cohort, of servers without a name of which nothing is known yet:
 * VERDICT_CANCELLED, REASON_INTERRUPTED. Returns 0, or -1 when memory ran out.
 */
int cohort_add_rows(struct cohort *c, size_t n) must_use;

/*
 * Makes the row that of a server with this result, but for its name and machine; one that failed
 * may be made again. Its numbers are those of its benchmarks that passed or are below their
 * threshold: of a wrong result or one that broke off, they say nothing.
 */
int cohort_put(struct cohort *c, size_t row, const struct server_result *r,
               struct error *err) must_use;

/* Adds a row of one server with its result. */
int cohort_add(struct cohort *c, const char *server, const struct server_result *r,
               struct error *err) must_use;

/* Puts one number into a row; the last one stands. `unit` may be NULL. */
int cohort_add_value(struct cohort *c, size_t row, const char *benchmark, const char *metric,
                     const char *unit, bool lower_is_better, double value,
                     struct error *err) must_use;

/* Puts the metrics into the order of their benchmarks' names and their own. */
void cohort_sort_metrics(struct cohort *c);

/* Servers of one kind. */
struct cohort_kind {
    const char *kind;   /* of the cohort */
    const char *disk;   /* where kinds were told apart by it, else NULL */
    const size_t *rows; /* ascending */
    size_t count;
};

struct cohort_kinds {
    struct cohort_kind *items; /* by name */
    size_t count;
    size_t *rows; /* what they point into */
};

/* Groups the rows by kind, and by disk within a kind when asked. Borrows from the cohort. */
int cohort_kinds(const struct cohort *c, bool by_disk, struct cohort_kinds *ret,
                 struct error *err) must_use;
void cohort_kinds_done(struct cohort_kinds *k);

/* Whether kinds are told apart by their disks for this metric. */
bool cohort_by_disk(const struct cohort_metric *m);
