/*
 * runoptions: what a run is told on its command line, in two halves.
 *
 * struct run_options is what decides what is measured and how servers are reached. It is kept with
 * the run, as words, so that a later sitting goes on as the first one began. struct run_output is
 * what each sitting is told anew: where what it says goes.
 */
#pragma once

#include "cli/cli.h"
#include "policy/plan.h"
#include "transport/simulation.h"

struct run_options {
    struct plan_options plan;
    const char *transport;
    const char *user;
    const char *ssh_config;
    int port;
    bool ask_password;
    bool simulate;
    struct simulation simulation;
    struct str words; /* all of these as given, a JSON array without its end; run_options_words() */
    char **read;      /* what run_options_read() read, up to NULL: the texts above point there */
};

struct run_output {
    const char *store;
    const char *log_file;
    enum log_format log_format;
    bool log_to[LOG_SYSLOG + 1]; /* by enum log_daemon */
    bool verbose, quiet, json, no_progress;
    const char *failed_to, *passed_to;
};

enum {
    RUN_TIMEOUT = 256,
    RUN_BUSY_WAIT,
    RUN_LINGER,
    RUN_RETRIES,
    RUN_MAX_ERRORS,
    RUN_OUTLIERS,
    RUN_LONGEST_FIRST,
    RUN_LIMIT,
    RUN_ASK_PASSWORD,
    RUN_SIMULATE,
    RUN_QUICK,
    RUN_STORE,
    RUN_LOG_FORMAT,
    RUN_LOG_FILE,
    RUN_LOG_TO,
    RUN_JSON,
    RUN_NO_PROGRESS,
    RUN_FAILED_TO,
    RUN_PASSED_TO,
    RUN_HELP,
    RUN_OWN, /* the first that a command may use for its own */
};

/* Entries of getopt_long()'s table. An option added to the first list is kept with the run. */
/* clang-format off */
#define RUN_OPTIONS                                                                                \
    {"benchmarks", required_argument, NULL, 'b'},                                                  \
    {"quick", no_argument, NULL, RUN_QUICK},                                                       \
    {"fanout", required_argument, NULL, 'f'},                                                      \
    {"threshold", required_argument, NULL, 't'},                                                   \
    {"timeout", required_argument, NULL, RUN_TIMEOUT},                                             \
    {"busy-wait", required_argument, NULL, RUN_BUSY_WAIT},                                         \
    {"linger", required_argument, NULL, RUN_LINGER},                                               \
    {"retries", required_argument, NULL, RUN_RETRIES},                                             \
    {"max-errors", required_argument, NULL, RUN_MAX_ERRORS},                                       \
    {"outliers", required_argument, NULL, RUN_OUTLIERS},                                           \
    {"longest-first", no_argument, NULL, RUN_LONGEST_FIRST},                                       \
    {"limit", required_argument, NULL, RUN_LIMIT},                                                 \
    {"user", required_argument, NULL, 'u'},                                                        \
    {"port", required_argument, NULL, 'p'},                                                        \
    {"transport", required_argument, NULL, 'T'},                                                   \
    {"ssh-config", required_argument, NULL, 'F'},                                                  \
    {"simulate", optional_argument, NULL, RUN_SIMULATE}
#define RUN_PASSWORD_OPTION {"ask-password", no_argument, NULL, RUN_ASK_PASSWORD}
#define RUN_LETTERS "b:f:t:u:p:T:F:"
#define RUN_LOG_OPTIONS                                                                            \
    {"store", required_argument, NULL, RUN_STORE},                                                 \
    {"log-format", required_argument, NULL, RUN_LOG_FORMAT},                                       \
    {"log-file", required_argument, NULL, RUN_LOG_FILE},                                           \
    {"log-to", required_argument, NULL, RUN_LOG_TO},                                               \
    {"verbose", no_argument, NULL, 'v'},                                                           \
    {"quiet", no_argument, NULL, 'q'},                                                             \
    {"help", no_argument, NULL, RUN_HELP}
#define RUN_OUTPUT_OPTIONS                                                                         \
    RUN_LOG_OPTIONS,                                                                               \
    {"json", no_argument, NULL, RUN_JSON},                                                         \
    {"no-progress", no_argument, NULL, RUN_NO_PROGRESS},                                           \
    {"failed-to", required_argument, NULL, RUN_FAILED_TO},                                         \
    {"passed-to", required_argument, NULL, RUN_PASSED_TO}
#define RUN_OUTPUT_LETTERS "vq"

/* What the help of a command says of them, which comes last. */
#define RUN_LOG_HELP \
    "      --log-format F       of standard error and --log-file: console, logfmt or json\n" \
    "      --log-file FILE      log here too; opened anew on SIGHUP\n" \
    "      --log-to WHERE       log here too: journal (systemd's, with a field for each key, so that\n" \
    "                           `journalctl MUSTER_SERVER=web03` works) or syslog\n" \
    "  -v, --verbose            log debug lines too\n"
#define RUN_OUTPUT_HELP \
    "      --store URL          where runs are kept (~/.local/state/muster/muster.db)\n" \
    RUN_LOG_HELP \
    "  -q, --quiet              only the summary\n" \
    "      --no-progress        a line of the log every 30 s, as without a terminal, instead of\n" \
    "                           the display below the log\n" \
    "      --json               print one JSON document instead of the summary\n" \
    "      --failed-to FILE     write the servers that did not pass, one a line\n" \
    "      --passed-to FILE     write the servers that passed, one a line\n" \
    "      --help               this text\n"

/* clang-format on */

/* Nothing given. */
void run_options_init(struct run_options *o);
void run_options_done(struct run_options *o);

/*
 * Take the option `c` with its value, which must outlive *o. Return 1, 0 when it is not one of
 * theirs, or -1: ERROR_USAGE, or ERROR_INTERNAL.
 */
int run_options_take(struct run_options *o, int c, const char *value, struct error *err) must_use;
int run_output_take(struct run_output *o, int c, const char *value, struct error *err) must_use;

/* The value of `outliers`, which other commands take too. */
int run_outliers_take(enum outliers *into, const char *value, struct error *err) must_use;

/*
 * What was taken, as a JSON array of words, in a form that means the same at any later time: a seed
 * from the clock stands in it. The caller frees it; NULL when memory ran out.
 */
char *run_options_words(const struct run_options *o) must_use;

/*
 * Takes what run_options_words() wrote into *o, which is as initialised. Returns -1 to go on, or
 * the exit status, after it has said what is wrong.
 */
int run_options_read(struct run_options *o, const char *words) must_use;
