/*
 * judging: what `muster judge` does between reading a file of numbers and printing its verdicts.
 *
 * Where a metric that is scored has ranks, which are the processes or devices that it was measured
 * on, the worst of them counts. A server's result is made from its numbers twice rather than kept:
 * once to judge it and for its row of the cohort, and once more for the document. The caller fills
 * words, in and run.started; then judging_prepare(), judging_judge(), and judging_each() to print;
 * judging_done().
 */
#pragma once

#include "input/config.h"
#include "input/measurements.h"
#include "model/run.h"
#include "policy/cohort.h"
#include "policy/finding.h"
#include "policy/misfit.h"
#include "policy/plan.h"

struct patterns {
    const char **items;
    size_t count, cap;
};

struct words {
    const char *file, *config, *store;
    enum outliers outliers;
    double threshold; /* NAN: not given */
    struct patterns lower, higher, ignored;
    bool json;
};

/* The metric of a benchmark that is scored, by its name without a rank. NULL: it has none. */
struct scored {
    const char *name;
    size_t len;
    bool named; /* the configuration names the benchmark */
};

struct judging {
    struct measurements in;
    struct config config;
    struct baselines baselines;
    struct names benchmarks;
    struct plan plan;      /* of all of them, in this order; their threshold is NAN where the
                              configuration gives them none */
    struct scored *scored; /* one a benchmark */
    enum better *better;   /* one a metric; BETTER_UNSAID: it is not judged */
    struct cohort cohort;
    struct findings found;
    struct misfits misfits;
    struct outcome *outcomes; /* one a server */
    char **findings;          /* one a server: as JSON, or NULL */
    bool *judged;             /* one a server: a verdict without its peers */
    bool scores;              /* some server has one */
    struct str notes;
    struct run run;
    double *trials; /* room for those of one metric */
    struct words words;
};

void judging_done(struct judging *j);

/* Names for a note; the first of them are shown. */
struct judging_list {
    struct str text;
    size_t count;
};

void judging_list_add(struct judging_list *l, const char *name);

/* Notes the list, if there is anything in it, and empties it. */
int judging_note(struct judging *j, const char *what, struct judging_list *l,
                 struct error *err) must_use;

/* Whether it is SuperBench's: 0 when the benchmark ended well. */
bool judging_is_return_code(const char *metric);

/* Whether it is the metric that is scored, of one of its ranks or of all. */
bool judging_is_scored(const struct scored *scored, const char *metric);

/* Reads all that is judged by. */
int judging_prepare(struct judging *j, struct error *err) must_use;

/* Makes the result of a server of its items [from, to), judged by itself. */
int judging_result(struct judging *j, size_t server, size_t from, size_t to,
                   struct server_result *r, struct error *err) must_use;

/* Makes the result of each server in turn, and hands it on. */
int judging_each(struct judging *j, struct error *err,
                 int (*use)(struct judging *j, size_t server, struct server_result *r,
                            struct error *err)) must_use;

/* Judges all servers: outcomes, findings, notes and the totals of the run. */
int judging_judge(struct judging *j, struct error *err) must_use;
