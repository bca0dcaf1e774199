/*
 * plan: what a run will do on each server. Made once from the configuration and the command line,
 * then shared read-only by all workers.
 */
#pragma once

#include "base/error.h"
#include "base/units.h"
#include "input/config.h"
#include "input/references.h"
#include "model/baseline.h"
#include "model/labels.h"
#include "wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_FANOUT 32
#define PLAN_THRESHOLD 50.0
#define PLAN_RETRIES 2
#define PLAN_TIMEOUT (INT64_C(60) * 1000000000) /* of a trial, ns */
#define PLAN_MORE_TRIALS 3                      /* times as many as those in any case, at most */
#define PLAN_SETTLE (INT64_C(10) * 1000000000)
#define PLAN_START_TIMEOUT (INT64_C(60) * 1000000000)    /* from login to the agent's first word */
#define PLAN_SESSION_TIMEOUT (INT64_C(300) * 1000000000) /* all but the benchmarks, in all */

struct benchmark_plan {
    const char *name;
    const char *command;           /* NULL: built into the agent */
    const struct extract *extract; /* of a command */
    struct wire_env *env;          /* owned by the plan */
    size_t env_count;
    const char *needs;
    char *parameters;   /* of a built-in one: a JSON object, owned by the plan */
    bool required;      /* of a built-in one: nothing to measure is an error */
    const char *metric; /* of a command; a built-in one names its own */
    const char *unit;
    bool lower_is_better;
    double reference;                    /* NAN: none was set; see `references` */
    const struct references *references; /* of a built-in one without a reference set, or NULL */
    double threshold;
    int64_t timeout; /* of one trial, ns */
    int trials;      /* that are run in any case */
    int max_trials;  /* while their noise could turn the verdict; at least `trials` */
};

struct plan {
    const struct config_kind *kinds; /* limits of their own; the configuration's */
    size_t kind_count;
    struct references *references;     /* that muster knows; NULL in a simulation */
    const struct baselines *baselines; /* of the store that the run is in; NULL: none */
    struct benchmark_plan *benchmarks;
    size_t benchmark_count;
    double threshold;
    int fanout;
    int64_t start_timeout;   /* ns; from login to the agent's first word */
    int64_t server_timeout;  /* ns; when not given, the sum of what its parts may take */
    int64_t run_timeout;     /* ns; DEADLINE_NEVER: none */
    int64_t settle;          /* ns; how long a built-in benchmark may wait for an idle server */
    int64_t heartbeat;       /* ns; how often muster and an agent say a word */
    int64_t lease;           /* ns; who has said none for so long is lost */
    int64_t busy_wait;       /* ns; how long another run on a server is waited for */
    int64_t linger;          /* ns; how long an agent stays without a session; 0: not at all */
    int retries;             /* of a server that was unreachable or whose connection was lost */
    int64_t longest_pause;   /* ns; before a retry */
    struct share max_errors; /* of the servers: when more end in error the run is stopped */
    enum outliers outliers;  /* what becomes of them; given */
    bool longest_first;      /* servers that took long in earlier runs are begun first */
    /* how many servers of one rack, say, are worked on at once */
    struct label_limits limits;
};

/* What the command line says; NULL, 0, NAN, and -1 where 0 means something: not given. */
struct plan_options {
    const char *benchmarks; /* a,b; or none */
    int fanout;
    double threshold;
    int64_t server_timeout;
    int64_t busy_wait; /* -1: not given */
    int64_t linger;    /* the same */
    int retries;
    int64_t longest_pause;
    struct share max_errors;
    enum outliers outliers;
    bool longest_first;
    struct label_limits limits; /* each goes before the configuration's for its label */
    bool quick;                 /* shorter built-in benchmarks */
    bool simulated; /* of the built-in benchmarks simulated servers have cpu and gpu, if not told */
};

/*
 * Makes the plan. The configuration must outlive it. Without -b the benchmarks are those that the
 * configuration lists, or the built-in ones when it lists none. Fails with ERROR_USAGE: an unknown
 * benchmark (the nearest one suggested), a bad number.
 */
int plan_make(const struct config *config, const struct plan_options *options, struct plan *ret,
              struct error *err) must_use;
void plan_done(struct plan *p);

/*
 * The plan's benchmark as it is for servers of a kind (NULL: not known): with the threshold and the
 * reference that the configuration has below `kinds:`. Borrows from the plan.
 */
struct benchmark_plan plan_for_kind(const struct plan *p, size_t benchmark, const char *kind);
