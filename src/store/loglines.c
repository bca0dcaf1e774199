/*
 * loglines: see loglines.h.
 *
 * The lines were written by sync/format, which begins each with its time, level and event, and
 * escapes every quote within a text. So `,"server":"` is a key wherever it stands, and there is no
 * need to parse the whole line for its value, but where that has an escape itself.
 */
#include "store/loglines.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/text.h"
#include "wire/jsontext.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 8192
#define CHUNK ((size_t)1 << 20)

#define TIME_KEY "{\"timestamp\":\""
#define LEVEL_KEY "\",\"level\":\""
#define EVENT_KEY "\",\"event\":"
#define SERVER_KEY ",\"server\":\""
#define LENGTH(literal) (sizeof(literal) - 1)
#define TIME_LEN 24

void loglines_done(struct loglines *l) {
    str_done(&l->at);
    str_done(&l->level);
    str_done(&l->server);
    str_done(&l->line);
    str_done(&l->text);
}

void loglines_clear(struct loglines *l) {
    l->count = 0;
    str_clear(&l->at);
    str_clear(&l->level);
    str_clear(&l->server);
    str_clear(&l->line);
    str_clear(&l->text);
}

/* Up to a chunk from that place, or as much more as the first line is longer. */
static int read_text(struct str *text, int fd, int64_t at, struct error *err) {
    for (;;) {
        char *room = str_room(text, CHUNK);
        if (!room)
            return error_memory(err);
        ssize_t n = pread(fd, room, CHUNK, at + (int64_t)text->len);
        if (n < 0)
            return error_os(err, ERROR_STORE, errno, "cannot read the log");
        text->len += (size_t)n;
        if (n == 0 || memchr(room, '\n', (size_t)n))
            return 0;
    }
}

/* A value of the row that is being added, after those of the rows before. */
static void add(const struct loglines *l, struct str *column, const char *value, size_t n) {
    if (l->count)
        str_add_char(column, '\n');
    str_add_bytes(column, value, n);
}

/* One with an escape in it. */
static int add_parsed_server(struct loglines *l, const char *line, struct error *err) {
    json_t *object = jsontext_read(line, err);
    if (!object && err->kind == ERROR_INTERNAL)
        return -1;
    const char *server = json_string_value(json_object_get(object, "server"));
    if (!server || strchr(server, '\n'))
        server = "";
    add(l, &l->server, server, strlen(server));
    json_decref(object);
    return 0;
}

static int add_server(struct loglines *l, const char *line, struct error *err) {
    const char *value = strstr(line, SERVER_KEY);
    value = value ? value + LENGTH(SERVER_KEY) : "\"";
    size_t n = strcspn(value, "\"\\");
    if (value[n] == '\\')
        return add_parsed_server(l, line, err);
    add(l, &l->server, value, n);
    return 0;
}

/* Where the level begins, and *at when the line was said; NULL: it is none of muster's. */
static const char *read_head(const char *line, size_t n, int64_t *at) {
    const char *level = line + LENGTH(TIME_KEY) + TIME_LEN + LENGTH(LEVEL_KEY);
    if (n < LENGTH(TIME_KEY LEVEL_KEY) + TIME_LEN || strlen(line) != n || line[n - 1] != '}' ||
        strncmp(line, TIME_KEY, LENGTH(TIME_KEY)) != 0 ||
        strncmp(level - LENGTH(LEVEL_KEY), LEVEL_KEY, LENGTH(LEVEL_KEY)) != 0 ||
        !clock_parse_utc(line + LENGTH(TIME_KEY), at) || !text_is_utf8(line, n))
        return NULL;
    size_t word = strspn(level, "abcdefghijklmnopqrstuvwxyz");
    return word && strncmp(level + word, EVENT_KEY, LENGTH(EVENT_KEY)) == 0 ? level : NULL;
}

/* The line ends with a NUL. */
static int add_line(struct loglines *l, const char *line, size_t n, struct error *err) {
    int64_t at;
    const char *level = read_head(line, n, &at);
    if (!level)
        return 0;
    if (add_server(l, line, err) < 0)
        return -1;
    if (l->in_order && at < l->latest)
        at = l->latest;
    l->latest = at;
    add(l, &l->at, "", 0);
    str_add_int(&l->at, at);
    add(l, &l->level, level, strcspn(level, "\""));
    add(l, &l->line, line, n);
    l->count++;
    return 0;
}

/* Whether there was memory for all of them. */
static int complete(const struct loglines *l, struct error *err) {
    return l->at.failed || l->level.failed || l->server.failed || l->line.failed ? error_memory(err)
                                                                                 : 0;
}

int loglines_add(struct loglines *l, const char *line, size_t n, struct error *err) {
    if (n == 0 || line[n - 1] != '\n')
        return 0;
    str_clear(&l->text);
    str_add_bytes(&l->text, line, n - 1);
    if (l->text.failed)
        return error_memory(err);
    return add_line(l, l->text.data, n - 1, err) < 0 ? -1 : complete(l, err);
}

int loglines_read(struct loglines *l, int fd, int64_t *at, struct error *err) {
    loglines_clear(l);
    if (read_text(&l->text, fd, *at, err) < 0)
        return -1;
    char *from = l->text.data, *end = from + l->text.len, *line_end;
    for (; l->count < LINES_MAX && (line_end = memchr(from, '\n', (size_t)(end - from)));
         from = line_end + 1) {
        *line_end = '\0';
        if (add_line(l, from, (size_t)(line_end - from), err) < 0)
            return -1;
    }
    *at += from - l->text.data;
    return complete(l, err);
}
