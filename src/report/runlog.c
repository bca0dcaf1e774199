/* runlog: see runlog.h. Lines are read and printed one at a time. */
#include "report/runlog.h"

#include "base/clock.h"
#include "base/str.h"
#include "sync/format.h"
#include "wire/jsontext.h"

#include <string.h>

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
    int64_t wall;
    return text && clock_parse_utc(text, &wall) ? wall : 0;
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

/* All that one walk through a log needs. */
struct walk {
    struct line line;
    const struct runlog_wanted *wanted;
    struct format_clock clock;
    struct str out;
};

static bool is_wanted(json_t *object, const struct runlog_wanted *w) {
    const char *server = json_string_value(json_object_get(object, "server"));
    return json_is_object(object) &&
           read_level(json_string_value(json_object_get(object, "level"))) >= w->least &&
           (!w->server || (server && strcmp(server, w->server) == 0));
}

/* Renders the line into w->out, which stays empty when it is not wanted. */
static int take_line(struct walk *w, const char *text, struct error *err) {
    str_clear(&w->out);
    if (w->wanted->server && !strstr(text, "\"server\"")) /* most lines need not be parsed */
        return 0;
    json_t *object = jsontext_read(text, err);
    if (!object && err->kind == ERROR_INTERNAL)
        return -1;
    if (is_wanted(object, w->wanted))
        render(object, w->wanted->format, &w->line, &w->out, &w->clock);
    json_decref(object);
    return w->out.failed ? error_memory(err) : 0;
}

static bool is_over(const struct runlog_wanted *w, size_t read, size_t printed) {
    return (w->read_max && read >= w->read_max) || (w->print_max && printed >= w->print_max);
}

static int print_lines(struct walk *w, runlog_next_fn *next, void *from, FILE *out,
                       struct runlog_printed *ret, struct error *err) {
    const char *text;
    int64_t place;
    size_t read = 0, printed = 0;
    ssize_t n;
    while ((n = next(from, &text, &place, err)) > 0) {
        /* whoever goes on later gets a line that is being written whole */
        if (text[n - 1] != '\n' && w->wanted->read_max)
            return 0;
        if (is_over(w->wanted, read, printed)) {
            ret->more = true;
            return 0;
        }
        if (take_line(w, text, err) < 0)
            return -1;
        if (w->out.len > 0)
            fwrite(w->out.data, 1, w->out.len, out);
        ret->lines += w->out.len > 0;
        ret->next = place;
        read += (size_t)n;
        printed += w->out.len;
    }
    if (n == 0)
        ret->next = place;
    return (int)n;
}

int runlog_print(runlog_next_fn *next, void *from, int64_t place, FILE *out,
                 const struct runlog_wanted *wanted, struct runlog_printed *ret,
                 struct error *err) {
    struct walk *w = calloc(1, sizeof(*w));
    if (!w)
        return error_memory(err);
    w->wanted = wanted;
    w->clock.second = -1;
    *ret = (struct runlog_printed){.next = place};
    int rc = print_lines(w, next, from, out, ret, err);
    str_done(&w->out);
    free(w);
    return rc;
}
