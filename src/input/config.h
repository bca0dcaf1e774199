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
#include "base/units.h"
#include "input/extract.h"
#include "input/names.h"
#include "model/builtin.h"
#include "model/labels.h"
#include "model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_env {
    char *name;
    char *value;
};

/* A parameter of a built-in benchmark that the file sets. */
struct config_parameter {
    const struct parameter *of;
    int64_t number;
    char *text; /* of a PATH or a LIST */
};

/*
 * One entry below `benchmarks:`. NULL, 0 and NAN: not given. An entry with a command has an
 * extract too, even when its name is that of a built-in benchmark; one without is built in.
 */
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
    int max_trials; /* no fewer than the trials, which are two at least then */
    struct config_env *env;
    size_t env_count;
    char *needs;
    struct config_parameter *parameters; /* of a built-in one */
    size_t parameter_count;
    bool required; /* a built-in one that has nothing to measure is an error */
};

/* What a benchmark is judged by on servers of some kinds. NAN: not given. */
struct config_limit {
    char *benchmark;
    double threshold;
    double reference;
};

/* One entry below `kinds:`. */
struct config_kind {
    char *pattern; /* shell wildcards */
    struct config_limit *limits;
    size_t limit_count;
};

/* One value of a label; its names end before this place of the label's, and begin where those of
 * the value before it end. */
struct config_label_value {
    char *text;
    size_t names_end;
};

/* One entry below `labels:`. */
struct config_label {
    char *key;
    struct names names; /* of servers, or of their hosts */
    struct config_label_value *values;
    size_t value_count;
};

struct config {
    char *path; /* the file it came from; NULL: none */
    char *text; /* all of that file, text_len bytes; may hold NUL bytes */
    size_t text_len;
    int fanout;
    double threshold;
    int64_t timeout;     /* of a server, ns */
    int64_t run_timeout; /* of the whole run, ns */
    int64_t settle;      /* ns; -1: not given */
    int64_t heartbeat;   /* ns */
    int64_t lease;       /* ns, at least twice the heartbeat */
    int64_t busy_wait;   /* ns; 0: not at all */
    int64_t linger;      /* ns; 0: not at all */
    int retries;         /* -1: not given */
    struct share max_errors;
    enum outliers outliers;
    bool longest_first;
    struct {
        char *user;
        int port;
        int64_t connect_timeout; /* ns */
        int64_t login_timeout;   /* ns */
        double start_rate;       /* new sessions a second; 0: not given */
        int jump_channels;       /* of a connection to a jump host; 0: not given */
        char *config;            /* an ssh_config file to use instead of the user's */
    } ssh;
    struct config_benchmark *benchmarks; /* in the file's order */
    size_t benchmark_count;
    struct config_kind *kinds; /* in the file's order */
    size_t kind_count;
    struct config_label *labels; /* as the kinds */
    size_t label_count;
    struct label_limits limits;
};

/* Nothing given; heartbeat, lease and busy_wait are what holds then. */
void config_init(struct config *c);
void config_done(struct config *c);

/*
 * Reads the file at `path`, of at most 1 MiB, into *ret. `builtin` are the benchmarks that are
 * built in, ended by one without a name. An empty file gives nothing and is no mistake. Fails with
 *
 * - ERROR_USAGE, when the file cannot be read: the sentence says all;
 * - ERROR_USAGE, on mistakes: one line each, `FILE:LINE:COLUMN: what, and what was expected`, is
 *   appended to *mistakes in the file's order, at most 100 of them, and the error's sentence says
 *   how many there are;
 * - ERROR_INTERNAL.
 */
int config_load(const char *path, const struct builtin *builtin, struct config *ret,
                struct str *mistakes, struct error *err) must_use;

/* As config_load(), of `len` bytes that were read earlier from the file at `path`. */
int config_read(const char *path, const char *text, size_t len, const struct builtin *builtin,
                struct config *ret, struct str *mistakes, struct error *err) must_use;

/*
 * The key in `known` (a NULL-terminated list) nearest to `key`, or NULL when none is near: at most
 * a third of its letters wrong, missing, too many or swapped with their neighbour.
 */
const char *config_nearest(const char *key, const char *const *known);
