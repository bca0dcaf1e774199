/* log: `muster log`. */
#include "cli/cli.h"

#include "report/runlog.h"
#include "store/logread.h"

#include <stdio.h>

static const char help[] =
    "usage: muster log [OPTIONS] RUN [SERVER]\n\n"
    "Prints the log of a run, of one server if it is named. RUN may be `last`.\n\n"
    "      --store URL     where runs are kept\n"
    "      --log-format F  console (default), logfmt or json\n"
    "      --json          the same as --log-format json\n"
    "      --help          this text\n";

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {"log-format", required_argument, NULL, CLI_LOG_FORMAT},
    {NULL, 0, NULL, 0},
};

static ssize_t next_line(void *log, const char **line, int64_t *place, struct error *err) {
    return store_log_next(log, line, place, err);
}

static int print_log(struct store_log *log, enum log_format format, const char *server,
                     struct error *err) {
    const struct runlog_wanted wanted = {.format = format, .least = LOG_DEBUG, .server = server};
    struct runlog_printed printed;
    if (runlog_print(next_line, log, 0, stdout, &wanted, &printed, err) < 0)
        return -1;
    if (server && printed.lines == 0)
        return error_set(err, ERROR_USAGE, "the log has no line of a server '%.80s'", server);
    return 0;
}

static int show_log(struct store *store, const char *id, const char *server, enum log_format format,
                    struct error *err) {
    const struct store_log_wanted wanted = {.server = server};
    struct store_log *log;
    struct run run;
    if (store_run(store, id, &run, err) < 0 ||
        store_log_open(store, run.id, &wanted, &log, err) < 0)
        return -1;
    int rc = print_log(log, format, server, err);
    store_log_close(log);
    return rc;
}

static int cmd_log(int argc, char **argv) {
    struct cli_store from;
    int status = cli_store_options(argc, argv, options, help, &from);
    if (status >= 0)
        return status;
    if (argc - optind < 1 || argc - optind > 2)
        return cli_usage("`muster log` takes a RUN, or `last`, and a SERVER: see `muster runs`");
    struct store *store;
    struct error err;
    if (store_open(from.url, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    int rc = show_log(store, argv[optind], argc - optind == 2 ? argv[optind + 1] : NULL,
                      from.json ? LOG_JSON : from.format, &err);
    store_close(store);
    return rc < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command command_log = {
    .name = "log",
    .about = "a run's log, of one server if named",
    .run = cmd_log,
    .help = help,
    .options = options,
};
