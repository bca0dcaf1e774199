/*
 * cli: what the commands share. One source file a command; commands.c has the table of them.
 *
 * A command's run() takes its own arguments, argv[0] being its name, and returns the exit status of
 * the program. Mistakes are one line each on standard error.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "input/config.h"
#include "model/server.h"
#include "sync/field.h"

#include <getopt.h>
#include <stdbool.h>

enum exit_status {
    EXIT_PASSED = 0,     /* every server passed */
    EXIT_NOT_PASSED = 1, /* at least one server failed or could not be judged */
    EXIT_USAGE = 2,      /* wrong usage, inventory or configuration: nothing was run */
    EXIT_STUCK = 3,      /* muster itself could not go on */
};

/* A command. Its help and its options are also what completions are made of. */
struct cli_command {
    const char *name;
    const char *about; /* one line */
    int (*run)(int argc, char **argv);
    const char *help;             /* what --help prints */
    const struct option *options; /* ended by one without a name */
};

/* Each at the end of its own source file. */
extern const struct cli_command command_run;
extern const struct cli_command command_servers;
extern const struct cli_command command_benchmarks;
extern const struct cli_command command_runs;
extern const struct cli_command command_show;
extern const struct cli_command command_history;
extern const struct cli_command command_log;
extern const struct cli_command command_compare;
extern const struct cli_command command_judge;
extern const struct cli_command command_resume;
extern const struct cli_command command_baseline;
extern const struct cli_command command_report;
extern const struct cli_command command_init;
extern const struct cli_command command_serve;
extern const struct cli_command command_store;
extern const struct cli_command command_submit;
extern const struct cli_command command_worker;
extern const struct cli_command command_wait;

/* All of them, in the order of `muster --help`, ended by NULL. */
extern const struct cli_command *const cli_commands[];

/* NULL: there is no such command. */
const struct cli_command *cli_find(const char *name);

/* Prints `muster: SENTENCE` on standard error and returns the exit status that goes with its kind.
 */
int cli_fail(const struct error *err);

/* Prints `muster: ...` on standard error and returns EXIT_USAGE. */
int cli_usage(const char *format, ...) printf_like(1, 2);

/*
 * From now on what these two and the readers of options and files would print is added to *into,
 * with semicolons between them; NULL: it is printed again. For who reads in the middle of a log.
 */
void cli_collect(struct str *into);

/*
 * getopt_long() without its messages: an unknown option or a missing argument is said in muster's
 * own way, with the nearest option suggested, and comes back as '?'.
 */
int cli_getopt(int argc, char **argv, const char *letters, const struct option *options);

/* What a command that reads the store is given. */
struct cli_store {
    const char *url;
    enum log_format format; /* of --log-format, where the command has it; console */
    bool json;
    const char *server;    /* of --server, where the command has it; NULL */
    const char *benchmark; /* of --benchmark, where the command has it; NULL */
};

enum { CLI_STORE = 256, CLI_JSON, CLI_LOG_FORMAT, CLI_SERVER, CLI_BENCHMARK, CLI_HELP };

#define CLI_STORE_OPTIONS                                                                          \
    {"store", required_argument, NULL, CLI_STORE}, {"json", no_argument, NULL, CLI_JSON}, {        \
        "help", no_argument, NULL, CLI_HELP                                                        \
    }

/* Reads them, up to the arguments at argv[optind]. Returns -1 to go on, or the exit status. */
int cli_store_options(int argc, char **argv, const struct option *options, const char *help,
                      struct cli_store *ret);

/* ERROR_USAGE where `url` cannot be a store that several controllers share. It is not opened. */
int cli_shared_store(const char *url, struct error *err) must_use;

/* Reads a whole number from min to max, or says what is wrong with `what`. */
int cli_number(const char *what, const char *text, long min, long max, int *ret,
               struct error *err) must_use;

/* Reads a number that is not negative. */
int cli_decimal(const char *what, const char *text, double *ret, struct error *err) must_use;

/*
 * Reads the configuration at `path` or, when it is NULL, ./muster.yaml if there is one, into *ret,
 * which config_init() made. Mistakes are printed here, one line each; the error's text is empty
 * then.
 */
int cli_config(const char *path, struct config *ret, struct error *err) must_use;

/* As cli_config(), with benchmarks that are `known` instead of those that are built in. */
int cli_config_of(const char *path, const struct builtin *known, struct config *ret,
                  struct error *err) must_use;

/* Prints the mistakes of a file, a line each; the error's text is empty then. Returns -1. */
int cli_mistakes(struct str *mistakes, struct error *err);

/* As cli_config(), of a text that a run has kept. */
int cli_config_kept(const char *path, const char *text, size_t len, struct config *ret,
                    struct error *err) must_use;

/*
 * Prints the lines of mistakes that a reader of a file has found, if there are any; then there is
 * nothing left for the error to say. Returns -1.
 */
int cli_mistakes(struct str *mistakes, struct error *err);

/* Flushes standard output; 0, or EXIT_STUCK when not all of it could be written. */
int cli_flush(void);

/* The options that name servers: -i, -g, -x, and the arguments. */
struct cli_servers {
    const char **files;
    size_t file_count, file_cap;
    const char **groups;
    size_t group_count, group_cap;
    const char **excludes;
    size_t exclude_count, exclude_cap;
    bool any_connection; /* of an inventory of Ansible's: the transport is not SSH */
};

#define CLI_SERVER_LETTERS "i:g:x:"
#define CLI_SERVER_OPTIONS                                                                         \
    {"inventory", required_argument, NULL, 'i'}, {"group", required_argument, NULL, 'g'}, {        \
        "exclude", required_argument, NULL, 'x'                                                    \
    }

/* Takes -i, -g or -x; false for other options. */
bool cli_servers_option(struct cli_servers *s, int option, const char *value);

int cli_servers_load(const struct cli_servers *s, char **patterns, size_t count,
                     struct servers *ret, struct error *err) must_use;
void cli_servers_done(struct cli_servers *s);
