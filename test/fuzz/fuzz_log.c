/*
 * fuzz_log: a record of any event, key, value, list and number as a line of the log.
 *
 * The input is cut at its NULs into event, key, value and the items of a list; a number is its
 * first eight bytes. What is held, in all three formats: the record is one line of printable text,
 * and whoever undoes the escapes of sync/log.h has the bytes again; in JSON, which cannot hold
 * them, the bytes that are not UTF-8 have become U+FFFD. Numbers are printf's.
 */
#include "fuzz.h"
#include "sync/format.h"

#include <jansson.h>
#include <math.h>

#define ITEMS_MAX 8

struct input {
    const char *event, *key, *value;
    const char *items[ITEMS_MAX];
    size_t count;
    double number;
};

/* ---- reading what was escaped ---- */

static int hex(char c) {
    const char *at = c ? strchr("0123456789abcdef", c) : NULL;
    require(at);
    return (int)(at - "0123456789abcdef");
}

/* The byte that stands at *p, escaped or not; moves *p behind it. */
static char take_byte(const char **p) {
    char c = *(*p)++;
    if (c != '\\')
        return c;
    c = *(*p)++;
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'x':
        *p += 2;
        return (char)(hex((*p)[-2]) << 4 | hex((*p)[-1]));
    default:
        require(c == '"' || c == '\\');
        return c;
    }
}

static void take_escaped(const char **p, const char *expected) {
    while (*expected)
        require(take_byte(p) == *expected++);
}

static void take_plain(const char **p, const char *expected) {
    size_t n = strlen(expected);
    require(strncmp(*p, expected, n) == 0);
    *p += n;
}

/* A value in quotes, or one that stands without and then ends at a byte of `ends`. */
static void take_value(const char **p, const char *expected, const char *ends) {
    if (**p == '"') {
        ++*p;
        take_escaped(p, expected);
        take_plain(p, "\"");
        return;
    }
    size_t n = strcspn(*p, ends);
    require(n > 0 && n == strlen(expected) && memcmp(*p, expected, n) == 0);
    *p += n;
}

static void take_list(const char **p, const struct input *in) {
    take_plain(p, "[");
    for (size_t i = 0; i < in->count; i++) {
        if (i > 0)
            take_plain(p, ",");
        take_value(p, in->items[i], ",] =\"\n");
    }
    take_plain(p, "]");
}

static void take_fields(const char **p, const struct input *in) {
    take_plain(p, " ");
    take_value(p, in->key, " =\"\n");
    take_plain(p, "=");
    take_value(p, in->value, " =\"\n");
    take_plain(p, " list=");
    take_list(p, in);
    take_plain(p, "\n");
    require(!**p);
}

static void check_console(const char *line, const struct input *in) {
    take_plain(&line, "1970-01-01 00:00:07 [warning  ] ");
    take_escaped(&line, in->event);
    while (line[0] == ' ' && line[1] == ' ')
        line++;
    take_fields(&line, in);
}

static void check_logfmt(const char *line, const struct input *in) {
    take_plain(&line, "timestamp=1970-01-01T00:00:07.000Z level=warning event=");
    take_value(&line, in->event, " =\"\n");
    take_fields(&line, in);
}

static void check_json(const char *line, const struct input *in) {
    cleanup(str_done) struct str key = {0};
    json_t *all = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    json_t *list = json_object_get(all, "list"), *item;
    size_t i;
    fuzz_add_replaced(&key, in->key);
    require(json_object_size(all) == 5 && json_array_size(list) == in->count);
    require(fuzz_is_replaced(json_string_value(json_object_get(all, "event")), in->event));
    require(fuzz_is_replaced(json_string_value(json_object_get(all, key.data)), in->value));
    json_array_foreach(list, i, item)
        require(fuzz_is_replaced(json_string_value(item), in->items[i]));
    json_decref(all);
}

/* ---- writing ---- */

static void check_line(enum log_format format, const struct input *in) {
    cleanup(str_done) struct str line = {0};
    struct format_clock clock = {.second = -1};
    const struct log_field fields[] = {
        LOG_S(in->key, in->value), LOG_L("list", in->items, in->count), {.kind = LOG_KIND_END}};
    const struct format_record record = {
        .level = LOG_WARNING, .wall = INT64_C(7000000000), .event = in->event, .fields = fields};
    format_line(&line, format, &record, &clock);
    require(!line.failed && line.len > 0 && line.data[line.len - 1] == '\n');
    require(strlen(line.data) == line.len);
    require_printable(line.data, line.len - 1);
    if (format == LOG_CONSOLE)
        check_console(line.data, in);
    else if (format == LOG_LOGFMT)
        check_logfmt(line.data, in);
    else
        check_json(line.data, in);
}

static void check_number(double number) {
    cleanup(str_done) struct str out = {0};
    char expected[32];
    if (!isfinite(number))
        return;
    format_number(&out, number);
    snprintf(expected, sizeof(expected), "%.6g", number);
    require(!out.failed && strcmp(out.data, expected) == 0);
}

/* The piece at *p, and moves behind it; an empty one after the last. */
static const char *next_piece(const char **p, const char *end) {
    const char *piece = *p;
    size_t n = strlen(piece);
    *p += n < (size_t)(end - piece) ? n + 1 : n;
    return piece;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    setenv("TZ", "UTC", 0);
    cleanup(free_ptr) char *text = fuzz_text(data, size);
    const char *p = text, *end = text + size;
    struct input in = {.event = next_piece(&p, end)};
    /* keys are constants of the program: none is the name of another */
    cleanup(str_done) struct str key = {0};
    str_addf(&key, "k%s", next_piece(&p, end));
    require(!key.failed);
    in.key = key.data;
    in.value = next_piece(&p, end);
    while (p < end && in.count < ITEMS_MAX)
        in.items[in.count++] = next_piece(&p, end);
    for (enum log_format f = LOG_CONSOLE; f <= LOG_JSON; f++)
        check_line(f, &in);
    if (size >= sizeof(double)) {
        double number;
        memcpy(&number, data, sizeof(number));
        check_number(number);
    }
    return 0;
}
