/*
 * finding: what judging a run as a whole found on its servers, and how it is kept and told.
 *
 * A finding is about one metric of one server of a cohort. It is kept with the server as a JSON
 * object (its members are those of docs/JUDGEMENT.md), so that what is told of a run later is what
 * was told at its end. Pure; texts are borrowed from the cohort but for what is said to be owned.
 */
#pragma once

#include "base/str.h"
#include "model/result.h"
#include "model/run.h"
#include "policy/cohort.h"

#include <stdint.h>

enum finding_what {
    FINDING_OUTLIER, /* worse than its peers */
    FINDING_MISSING, /* its peers have the metric, and it has not */
    FINDING_DRIFT,   /* worse than it was itself */
};

struct finding {
    enum finding_what what;
    size_t row; /* of the cohort */
    const char *benchmark;
    const char *metric;
    const char *unit; /* or NULL */
    double value;     /* NAN: missing */
    double expected;  /* the median of its peers, or of its own past */
    double percent;   /* negative: worse; NAN where it is not defined */
    double z;         /* robust z-score, negative: worse; NAN: none */
    size_t peers;     /* so many were compared with */
    char since[11];   /* of a drift: 2026-10-02; else empty */
    char *detail;     /* a sentence, owned */
};

/* What was found in a run. */
struct findings {
    struct finding *items;
    size_t count, cap;
    char **notes; /* sentences about the run, owned */
    size_t note_count, note_cap;
};

void findings_done(struct findings *f);

/* Takes *add over, its detail too, also when it fails: ERROR_INTERNAL. */
int findings_add(struct findings *f, struct finding *add, struct error *err) must_use;

/* Takes the sentence over; NULL is a failure of memory. */
int findings_note(struct findings *f, char *sentence, struct error *err) must_use;

/* Appends the notes as a JSON array; nothing when there are none. */
void findings_add_notes(struct str *out, const struct findings *f);

/* By row; of a row, as the reasons of a server are ordered, then the worst first. */
void findings_sort(struct findings *f);

/* How much better than expected, in per cent; NAN when `expected` is 0. */
double finding_percent(double value, double expected, bool lower_is_better);

/* At most four significant digits and the unit: `87.25 GB/s`, `1234`. */
void finding_add_value(struct str *out, double value, const char *unit);

/*
 * Why a server fails that has these n findings: the sentence of the first one, and how many metrics
 * more are outliers or missing. NULL is a failure of memory; owned by the caller.
 */
char *finding_decides(const struct finding *items, size_t n) must_use;

/* Appends n findings as a JSON array. */
void finding_add_json(struct str *out, const struct finding *items, size_t n);

/*
 * Fills the outcome's sentences of what was found and why, from the JSON texts that are kept with
 * the server; NULL, or what is not as it was written, says nothing. Fails with ERROR_INTERNAL.
 */
int finding_tell(struct outcome *o, const char *findings, const char *why,
                 struct error *err) must_use;

/*
 * Fills *ret with how a server ended, as it is kept: its sentences are owned by the outcome, its
 * name is borrowed. Fails with ERROR_INTERNAL, and then there is nothing to free.
 */
int finding_outcome(const char *server, const struct server_result *r, struct outcome *ret,
                    struct error *err) must_use;

/*
 * The sentence of what decides on a server among its findings on one benchmark, outliers and
 * missing metrics, and how many metrics more; *ret is the caller's, NULL where there is none.
 */
int finding_of_benchmark(const char *findings, const char *benchmark, char **ret,
                         struct error *err) must_use;
