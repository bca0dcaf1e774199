/*
 * benchmark: the table of built-in benchmarks, and how one trial of one is run.
 *
 * A benchmark is one file that defines `const struct benchmark benchmark_NAME`, and one line: its
 * name in the list `benchmarks` of agent/meson.build, which also makes the table.
 */
#pragma once

#include "answer.h"
#include "io.h"
#include "json.h"

/* What a trial measured. */
struct trial {
    struct str metrics; /* JSON objects with commas between */
    int cores;          /* how many CPUs took part; 0 where that means nothing */
    bool broken;        /* a value was not finite */
};

/* Adds a metric; the first one is the judged one. */
void trial_add(struct trial *t, const char *name, const char *unit, double value,
               bool lower_is_better);

struct benchmark {
    const char *name;
    const char *const *parameters; /* the names it takes, NULL at the end */

    /*
     * One trial, in a process of its own that ends after it and may be killed at any moment; what
     * lies outside of that process (files) must go with it. Returns 0 or -1.
     */
    int (*trial)(const struct json *request, struct trial *ret, struct failure *f);
};

/*
 * The whole number at `name` among the parameters, `fallback` when it is not given. Returns 0, or
 * -1 with the failure when it is out of bounds.
 */
int benchmark_integer(const struct json *request, const char *name, int64_t min, int64_t max,
                      int64_t fallback, int64_t *ret, struct failure *f);

/* Answers a request of type `benchmark` into *out; nothing when the session has ended meanwhile. */
void benchmark_run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
                   struct str *out);
