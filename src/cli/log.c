/*
 * log: `muster log`.
 *
 * The run's own log is kept as JSON lines. They are read one at a time and printed in the format
 * asked for; a line that is not one of muster's (cut off by a power failure, say) is passed over.
 */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/str.h"
#include "store/store.h"
#include "sync/format.h"
#include "wire/jsontext.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

#define FIELDS_MAX 32
#define LIST_MAX 65536 /* a list is folded: this many parts are more than the log has room for */

/* One line being rendered: the fields borrow from the JSON object. */
struct line {
    struct log_field fields[FIELDS_MAX + 1];
    const char *items[LIST_MAX]; /* of the one list that a line may have */
};

static bool read_field(struct line *line, const char *key, json_t *value, struct log_field *ret) {
    if (json_is_string(value))
        *ret = LOG_S(key, json_string_value(value));
    else if (json_is_integer(value))
        *ret = LOG_I(key, json_integer_value(value));
    else if (json_is_real(value))
        *ret = LOG_F(key, json_real_value(value));
    else if (json_is_array(value) && json_array_size(value) <= LIST_MAX) {
        size_t i;
        json_t *item;
        json_array_foreach(value, i, item) line->items[i] =
            json_is_string(item) ? json_string_value(item) : "";
        *ret = LOG_L(key, line->items, json_array_size(value));
    } else
        return false;
    return true;
}

static int64_t read_time(const char *text) {
    struct tm t = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &t) : NULL;
    int ms = 0;
    int64_t wall;
    if (!rest || sscanf(rest, ".%3dZ", &ms) != 1 ||
        __builtin_mul_overflow((int64_t)timegm(&t), CLOCK_S, &wall) ||
        __builtin_add_overflow(wall, ms * CLOCK_MS, &wall))
        return 0;
    return wall;
}

static enum log_level read_level(const char *text) {
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++)
        if (text && strcmp(text, log_level_name(level)) == 0)
            return level;
    return LOG_INFO;
}

static bool is_head(const char *key) {
    return strcmp(key, "timestamp") == 0 || strcmp(key, "level") == 0 || strcmp(key, "event") == 0;
}

static void render(json_t *object, enum log_format format, struct line *line, struct str *out,
                   struct format_clock *clock) {
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach(object, key, value) if (n < FIELDS_MAX && !is_head(key) &&
                                                read_field(line, key, value, &line->fields[n])) n++;
    line->fields[n] = (struct log_field){.kind = LOG_KIND_END};
    const char *event = json_string_value(json_object_get(object, "event"));
    struct format_record record = {
        .level = read_level(json_string_value(json_object_get(object, "level"))),
        .wall = read_time(json_string_value(json_object_get(object, "timestamp"))),
        .event = event ? event : "",
        .fields = line->fields,
    };
    format_line(out, format, &record, clock);
}

static bool is_of(json_t *object, const char *server) {
    const char *its = json_string_value(json_object_get(object, "server"));
    return !server || (its && strcmp(its, server) == 0);
}

static int print_log(FILE *in, enum log_format format, const char *server, struct error *err) {
    cleanup(free_ptr) struct line *line = malloc(sizeof(*line));
    cleanup(free_ptr) char *text = NULL;
    cleanup(str_done) struct str out = {0};
    struct format_clock clock = {.second = -1};
    size_t size = 0, printed = 0;
    if (!line)
        return error_memory(err);
    while (errno = 0, getline(&text, &size, in) > 0) {
        if (server && !strstr(text, "\"server\"")) /* most lines need not be parsed */
            continue;
        json_t *object = jsontext_read(text, err);
        if (!object && err->kind == ERROR_INTERNAL)
            return -1;
        str_clear(&out);
        if (json_is_object(object) && is_of(object, server))
            render(object, format, line, &out, &clock);
        json_decref(object);
        if (out.failed)
            return error_memory(err);
        if (out.len > 0)
            fwrite(out.data, 1, out.len, stdout);
        printed += out.len > 0;
    }
    if (!feof(in))
        return error_os(err, ERROR_STORE, errno, "cannot read the log to its end");
    if (server && printed == 0)
        return error_set(err, ERROR_USAGE, "the log has no line of a server '%.80s'", server);
    return 0;
}

static int show_log(struct store *store, const char *id, const char *server, enum log_format format,
                    struct error *err) {
    struct run run;
    if (store_run(store, id, &run, err) < 0)
        return -1;
    cleanup(free_ptr) char *path = store_log_path(store, run.id);
    if (!path)
        return error_memory(err);
    FILE *in = fopen(path, "re");
    if (!in)
        return error_os(err, ERROR_USAGE, errno, "cannot read the log %s", path);
    int rc = print_log(in, format, server, err);
    fclose(in);
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
