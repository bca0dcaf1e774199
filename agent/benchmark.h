/*
 * benchmark: the table of built-in benchmarks, and how one is run.
 *
 * A benchmark is one file that defines `const struct benchmark benchmark_NAME`, and one line: its
 * name in the list `benchmarks` of agent/meson.build, which also makes the table. What muster has
 * to know of it (its parameters and defaults) it learns when it is built, from `agent --describe`.
 *
 * A benchmark runs in a process of its own, so its state may be static. That process prepares
 * itself once and then runs one trial whenever it is asked for one; it may be killed at any moment,
 * and what lies outside of it (files) must go with it.
 */
#pragma once

#include "answer.h"
#include "io.h"
#include "json.h"
#include "model/builtin.h"

/* The value of a parameter, at the parameter's index in the table. */
struct setting {
    int64_t number;
    const char *text; /* of a PATH or a LIST, or NULL */
};

/* What a trial measured. */
struct trial {
    struct str metrics; /* JSON objects with commas between */
    struct str notes;   /* sentences with "; " between */
    int units;         /* how many of what a reference is of (cores, nodes); 0: that has no sense */
    const char *class; /* of the device that was measured, or NULL */
    bool broken;       /* a value was not finite */
};

/* Adds a metric; the first one is the judged one. */
void trial_add(struct trial *t, const char *name, const char *unit, double value,
               bool lower_is_better);

/*
 * Says in a few plain words what matters for the result, "gpu 0 throttled: 91 C": it comes into the
 * answer's `conditions`, before what the sensors saw. What several trials say alike is told once.
 */
void trial_note(struct trial *t, const char *format, ...) printf_like(2, 3);

struct benchmark {
    const char *name;
    const char *about;                  /* one line */
    const struct parameter *parameters; /* ended by one without a name */
    int trials;                         /* how many, unless the user says */
    bool warm_up;                       /* a trial before the first one does not count */
    bool tmpdir;                        /* it uses tmpdir_get() */

    /*
     * Takes what the trials need. Fails with `unsupported` where it cannot be measured here, and
     * with `skipped` where there is nothing to measure. NULL: nothing to prepare.
     */
    int (*prepare)(const struct setting *s, struct failure *f);

    /* One trial. */
    int (*trial)(const struct setting *s, struct trial *ret, struct failure *f);

    /*
     * Checks after a trial, off the clock, what it computed or kept: `wrong-result`. NULL: the
     * trial does.
     */
    int (*verify)(const struct setting *s, struct failure *f);
};

/*
 * Answers a request of type `benchmark` into *out; nothing when the session has ended meanwhile.
 * The process of a benchmark stays for further trials until benchmark_stop().
 */
void benchmark_run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
                   struct str *out);

/* Ends the benchmark's process, if there is one. */
void benchmark_stop(void);

/* Prints what muster has to know of the benchmarks, as JSON. Returns 0 or -1. */
int benchmark_describe(void);
