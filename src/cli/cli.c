/* cli: see cli.h. Main thread only. */
#include "cli/cli.h"

#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"
#include "input/inventory.h"
#include "model/builtin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_DEFAULT "muster.yaml"

static struct str *collected; /* NULL: mistakes are printed */

void cli_collect(struct str *into) {
    collected = into;
}

static void complain(const char *text) {
    if (!collected) {
        fprintf(stderr, "muster: %s\n", text);
        return;
    }
    str_add(collected, collected->len ? "; " : "");
    str_add(collected, text);
}

int cli_fail(const struct error *err) {
    if (*err->text)
        complain(err->text);
    return err->kind == ERROR_USAGE ? EXIT_USAGE : EXIT_STUCK;
}

int cli_usage(const char *format, ...) {
    char *text;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    complain(text ? text : "out of memory");
    free(text);
    return EXIT_USAGE;
}

static void unknown_option(const char *word, const struct option *options, const char *command) {
    const char *known[64];
    size_t n = 0;
    int len = (int)strcspn(word, "=");
    for (; options->name && n + 1 < ARRAY_LEN(known); options++)
        known[n++] = options->name;
    known[n] = NULL;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", len > 2 ? len - 2 : 0, word + (len > 2 ? 2 : 0));
    const char *near = strncmp(word, "--", 2) == 0 ? config_nearest(name, known) : NULL;
    cli_usage("unknown option '%.*s'%s%s%s: see `muster %s --help`", len, word,
              near ? " (did you mean '--" : "", near ? near : "", near ? "'?)" : "", command);
}

int cli_getopt(int argc, char **argv, const char *letters, const struct option *options) {
    char with_colon[128];
    snprintf(with_colon, sizeof(with_colon), ":%s", letters);
    int place = optind ? optind : 1;
    int c = getopt_long(argc, argv, with_colon, options, NULL);
    if (c != '?' && c != ':')
        return c;
    /* a cluster of letters keeps optind where it is until its last one */
    const char *word = argv[optind > place || c == ':' ? optind - 1 : optind];
    char letter[3] = {'-', (char)optopt, 0};
    bool is_letter = optopt > 0 && optopt < 128 && strncmp(word, "--", 2) != 0;
    if (c == ':')
        cli_usage("the option '%s' needs a value: see `muster %s --help`",
                  is_letter ? letter : word, argv[0]);
    else if (is_letter)
        cli_usage("unknown option '%s': see `muster %s --help`", letter, argv[0]);
    else
        unknown_option(word, options, argv[0]);
    return '?';
}

int cli_store_options(int argc, char **argv, const struct option *options, const char *help,
                      struct cli_store *ret) {
    *ret = (struct cli_store){.format = LOG_CONSOLE};
    int c;
    while ((c = cli_getopt(argc, argv, "", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == CLI_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == CLI_STORE)
            ret->url = optarg;
        else if (c == CLI_JSON)
            ret->json = true;
        else if (c == CLI_SERVER)
            ret->server = optarg;
        else if (c == CLI_BENCHMARK)
            ret->benchmark = optarg;
        else if (log_format_parse(optarg, &ret->format) < 0)
            return cli_usage("the log format is console, logfmt or json, not '%.40s'", optarg);
    }
    return -1;
}

int cli_shared_store(const char *url, struct error *err) {
    if (url && (strncmp(url, "postgresql:", 11) == 0 || strncmp(url, "postgres:", 9) == 0))
        return 0;
    return error_set(err, ERROR_USAGE,
                     "several controllers need a store on PostgreSQL: give one with "
                     "--store postgresql://...");
}

int cli_number(const char *what, const char *text, long min, long max, int *ret,
               struct error *err) {
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || *end || errno || n < min || n > max)
        return error_set(err, ERROR_USAGE, "%s is a whole number from %ld to %ld, not '%.40s'",
                         what, min, max, text);
    *ret = (int)n;
    return 0;
}

int cli_decimal(const char *what, const char *text, double *ret, struct error *err) {
    double x;
    if (number_parse(text, strlen(text), &x) < 0 || x < 0)
        return error_set(err, ERROR_USAGE, "%s is a number that is not negative, not '%.40s'", what,
                         text);
    *ret = x;
    return 0;
}

int cli_mistakes(struct str *mistakes, struct error *err) {
    if (mistakes->len > 0) {
        for (char *line = strtok(mistakes->data, "\n"); line; line = strtok(NULL, "\n"))
            complain(line);
        err->text[0] = '\0';
    }
    return -1;
}

int cli_config_of(const char *path, const struct builtin *known, struct config *ret,
                  struct error *err) {
    if (!path && access(CONFIG_DEFAULT, F_OK) < 0)
        return 0;
    cleanup(str_done) struct str mistakes = {0};
    int rc = config_load(path ? path : CONFIG_DEFAULT, known, ret, &mistakes, err);
    return rc < 0 ? cli_mistakes(&mistakes, err) : 0;
}

int cli_config(const char *path, struct config *ret, struct error *err) {
    return cli_config_of(path, builtins, ret, err);
}

int cli_config_kept(const char *path, const char *text, size_t len, struct config *ret,
                    struct error *err) {
    cleanup(str_done) struct str mistakes = {0};
    int rc = config_read(path, text, len, builtins, ret, &mistakes, err);
    return rc < 0 ? cli_mistakes(&mistakes, err) : 0;
}

int cli_flush(void) {
    errno = 0; /* of a write that failed earlier, stdio does not keep it */
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "muster: cannot write to standard output: %s\n",
            errno ? strerror(errno) : "some of it is lost");
    return EXIT_STUCK;
}

static void add(const char ***items, size_t *count, size_t *cap, const char *value) {
    if (vec_reserve(items, cap, *count + 1, sizeof(**items)) < 0) {
        fputs("muster: out of memory\n", stderr);
        exit(EXIT_STUCK);
    }
    (*items)[(*count)++] = value;
}

bool cli_servers_option(struct cli_servers *s, int option, const char *value) {
    if (option == 'i')
        add(&s->files, &s->file_count, &s->file_cap, value);
    else if (option == 'g')
        add(&s->groups, &s->group_count, &s->group_cap, value);
    else if (option == 'x')
        add(&s->excludes, &s->exclude_count, &s->exclude_cap, value);
    else
        return false;
    return true;
}

int cli_servers_load(const struct cli_servers *s, char **patterns, size_t count,
                     struct servers *ret, struct error *err) {
    struct inventory_source source = {.patterns = (const char *const *)patterns,
                                      .pattern_count = count,
                                      .files = s->files,
                                      .file_count = s->file_count,
                                      .groups = s->groups,
                                      .group_count = s->group_count,
                                      .excludes = s->excludes,
                                      .exclude_count = s->exclude_count,
                                      .any_connection = s->any_connection};
    cleanup(str_done) struct str remarks = {0};
    int rc = inventory_load(&source, ret, &remarks, err);
    for (char *line = remarks.len ? strtok(remarks.data, "\n") : NULL; line;
         line = strtok(NULL, "\n"))
        fprintf(stderr, "muster: %s\n", line);
    return rc;
}

void cli_servers_done(struct cli_servers *s) {
    free(s->files);
    free(s->groups);
    free(s->excludes);
    *s = (struct cli_servers){0};
}
