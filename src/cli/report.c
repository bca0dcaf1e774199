/*
 * report: `muster report`.
 *
 * A format is a row of the table. It writes to a stream, from the store's rows as they are read; a
 * full disk or a reader that has gone ends the reading. The file is whole or not there
 * (cli/wholefile).
 */
#include "report/report.h"
#include "cli/cli.h"
#include "cli/wholefile.h"
#include "store/logread.h"

#include <stdio.h>
#include <string.h>

static const struct format {
    const char *name;
    const char *suffix; /* of a file that is to have it */
    report_fn *write;
} formats[] = {
    {"csv", ".csv", report_csv},          {"html", ".html", report_html},
    {"json", ".json", report_json},       {"junit", ".xml", report_junit},
    {"markdown", ".md", report_markdown}, {"prometheus", ".prom", report_prometheus},
};

static const char help[] =
    "usage: muster report [OPTIONS] RUN\n\n"
    "Writes a run as a file for others to read. RUN may be `last`; one that is going on or was\n"
    "interrupted is written as far as it has come, and says so.\n\n"
    "  -f, --format FORMAT  one of these; told from FILE's suffix where it is not given:\n"
    "                         csv         .csv   a row for each server, benchmark and metric\n"
    "                         html        .html  one page with everything, for a browser\n"
    "                         json        .json  the document of `muster show --json`\n"
    "                         junit       .xml   test cases, for Jenkins and GitLab\n"
    "                         markdown    .md    for a pull request or a ticket\n"
    "                         prometheus  .prom  for node_exporter's textfile collector\n"
    "  -o, --output FILE    write here, not to standard output: a temporary file beside it\n"
    "                       takes its name when it is whole\n"
    "      --store URL      where runs are kept\n"
    "      --help           this text\n\n"
    "The exit status is 0 when the report was written, whatever it says; 2 when nothing was\n"
    "because of what was asked for; 3 when it could not be read or written whole.\n";

static const struct option options[] = {
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"store", required_argument, NULL, CLI_STORE},
    {"help", no_argument, NULL, CLI_HELP},
    {NULL, 0, NULL, 0},
};

struct words {
    const char *run;
    const char *store;
    const char *output; /* NULL: standard output */
    const struct format *format;
};

/* ---- the format ---- */

static void list_formats(struct str *out) {
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        str_addf(out, "%s%s",
                 i == 0                       ? ""
                 : i + 1 < ARRAY_LEN(formats) ? ", "
                                              : " or ",
                 formats[i].name);
}

static const struct format *by_name(const char *name) {
    const char *known[ARRAY_LEN(formats) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        known[i] = formats[i].name;
        if (strcmp(name, formats[i].name) == 0)
            return &formats[i];
    }
    const char *near = config_nearest(name, known);
    cleanup(str_done) struct str list = {0};
    list_formats(&list);
    cli_usage("unknown format '%.40s'%s%s%s: it is %s", name, near ? " (did you mean '" : "",
              near ? near : "", near ? "'?)" : "", list.failed ? "" : list.data);
    return NULL;
}

static const struct format *by_suffix(const char *file) {
    size_t n = file ? strlen(file) : 0;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        size_t len = strlen(formats[i].suffix);
        if (n > len && strcmp(file + n - len, formats[i].suffix) == 0)
            return &formats[i];
    }
    cleanup(str_done) struct str list = {0};
    list_formats(&list);
    cli_usage("which format? --format is %s%s%.100s%s", list.failed ? "" : list.data,
              file ? ", and the suffix of " : "", file ? file : "", file ? " tells none" : "");
    return NULL;
}

/* ---- the command ---- */

/* By its name it would be the file it leads to, which another file would take the place of. */
static bool is_standard_output(const char *path) {
    return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0 ||
           strcmp(path, "/dev/fd/1") == 0;
}

/* Returns -1 to go on, or the exit status. */
static int read_words(int argc, char **argv, struct words *w) {
    const char *format = NULL;
    int c;
    while ((c = cli_getopt(argc, argv, "f:o:", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == CLI_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == 'f')
            format = optarg;
        else if (c == 'o')
            w->output = is_standard_output(optarg) ? NULL : optarg;
        else
            w->store = optarg;
    }
    if (argc - optind != 1)
        return cli_usage("`muster report` takes one RUN, or `last`: see `muster runs`");
    w->run = argv[optind];
    w->format = format ? by_name(format) : by_suffix(w->output);
    return w->format ? -1 : EXIT_USAGE;
}

/* One walk over the servers of the run, which ends when nothing can be written any more. */
struct walk {
    FILE *out;
    report_server_fn *fn;
    void *arg;
};

static int step(void *arg, const char *server, const struct server_result *result,
                struct error *err) {
    struct walk *w = arg;
    if (w->fn(w->arg, server, result, err) < 0)
        return -1;
    return ferror(w->out) ? error_set(err, ERROR_STORE, "cannot write the report") : 0;
}

struct reading {
    struct store *store;
    FILE *out;
};

static int each(const struct report_source *from, report_server_fn *fn, void *arg,
                struct error *err) {
    struct reading *r = from->reading;
    struct walk w = {r->out, fn, arg};
    return store_each(r->store, from->run->id, step, &w, err);
}

static int open_log(const struct report_source *from, FILE **ret, struct error *err) {
    const struct reading *r = from->reading;
    return store_log_stream(r->store, from->run->id, ret, err);
}

static int write_report(struct store *store, const struct words *w, FILE *out, struct error *err) {
    struct run run;
    cleanup(free_ptr) char *notes = NULL;
    if (store_run(store, w->run, &run, err) < 0 || store_notes(store, run.id, &notes, err) < 0)
        return -1;
    struct reading reading = {store, out};
    struct report_source from = {
        .run = &run, .notes = notes, .each = each, .log = open_log, .reading = &reading};
    return w->format->write(out, &from, err);
}

static int write_file(struct store *store, const struct words *w, struct error *err) {
    cleanup(wholefile_done) struct wholefile file;
    if (wholefile_begin(w->output, &file, err) < 0)
        return -1;
    int rc = write_report(store, w, file.out, err);
    return rc < 0 && !ferror(file.out) ? -1 : wholefile_end(&file, err);
}

static int cmd_report(int argc, char **argv) {
    struct words w = {0};
    int status = read_words(argc, argv, &w);
    if (status >= 0)
        return status;
    struct store *store;
    struct error err;
    if (store_open(w.store, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    int rc = w.output ? write_file(store, &w, &err) : write_report(store, &w, stdout, &err);
    store_close(store);
    if (!w.output && ferror(stdout))
        return cli_flush();
    return rc < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command command_report = {
    .name = "report",
    .about = "a run as a file, for people and programs of elsewhere",
    .run = cmd_report,
    .help = help,
    .options = options,
};
