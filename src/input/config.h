/*
 * config: muster.yaml.
 *
 * An unknown key (the nearest one is suggested), a wrong type and a bad value are mistakes; all of
 * them are found in one pass. Regular expressions and jq programs are compiled here, so that they
 * are checked before anything runs.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "input/extract.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_env {
    char *name;
    char *value;
};

/* One entry below `benchmarks:`. NULL, 0 and NAN: not given. */
struct config_benchmark {
    char *name;
    int line;      /* where it stands in the file */
    char *command; /* NULL: a built-in one */
    struct extract *extract;
    char *metric; /* name of the metric of a command benchmark */
    char *unit;
    bool lower_is_better;
    double reference;
    double threshold;
    int64_t timeout; /* ns */
    int trials;
    struct config_env *env;
    size_t env_count;
    char *needs;
};

struct config {
    char *path; /* the file it came from */
    int fanout;
    double threshold;
    int64_t timeout;     /* of a server, ns */
    int64_t run_timeout; /* of the whole run, ns */
    struct {
        char *user;
        int port;
        int64_t connect_timeout; /* ns */
        int64_t login_timeout;   /* ns */
        char *config;            /* an ssh_config file to use instead of the user's */
    } ssh;
    struct config_benchmark *benchmarks; /* in the file's order */
    size_t benchmark_count;
};

/* Nothing given. */
void config_init(struct config *c);
void config_done(struct config *c);

/*
 * Reads the file at `path` into *ret. On mistakes returns -1 with ERROR_USAGE, and appends to
 * *mistakes one line each, `FILE:LINE:COLUMN: what, and what was expected`, in the file's order;
 * the error's sentence then says how many there are.
 */
int config_load(const char *path, struct config *ret, struct str *mistakes,
                struct error *err) must_use;

/* The key in `known` (a NULL-terminated list) nearest to `key`, or NULL when none is near. */
const char *config_nearest(const char *key, const char *const *known);
