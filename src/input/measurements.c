/*
 * measurements: see measurements.h.
 *
 * One pass over the lines, of which one is in memory at a time. A line of either form comes down to
 * reading_put() calls; the numbers are sorted at the end.
 */
#include "input/measurements.h"

#include "input/measurements_reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void measurements_done(struct measurements *m) {
    for (size_t i = 0; i < m->servers.count && i < m->kind_cap; i++)
        free(m->kinds[i]);
    for (size_t i = 0; i < m->metric_count; i++) {
        free(m->metrics[i].benchmark);
        free(m->metrics[i].metric);
        free(m->metrics[i].unit);
    }
    free(m->kinds);
    free(m->metrics);
    free(m->items);
    names_done(&m->servers);
    names_done(&m->keys);
    names_done(&m->labels);
    *m = (struct measurements){0};
}

/* Reads the next line without its end; false at the end of the file, or where it is too long. */
static bool next_line(struct reading *r, FILE *in) {
    int c;
    str_clear(&r->text);
    str_add(&r->text, "");
    r->line++;
    while ((c = getc_unlocked(in)) != EOF && c != '\n') {
        if (r->text.len == MEASUREMENTS_LINE_MAX) {
            reading_mistake(r, 1, "expected lines of at most 4 MiB; the rest was not read", NULL);
            return false;
        }
        str_add_char(&r->text, (char)c);
    }
    r->no_memory |= r->text.failed;
    if (r->no_memory || (c == EOF && r->text.len == 0))
        return false;
    if (r->text.len > 0 && r->text.data[r->text.len - 1] == '\r')
        r->text.data[--r->text.len] = '\0';
    return true;
}

/* A byte order mark, which some spreadsheets write, says nothing. */
static void drop_mark(struct str *text) {
    if (text->len < 3 || memcmp(text->data, "\xef\xbb\xbf", 3) != 0)
        return;
    memmove(text->data, text->data + 3, text->len - 2);
    text->len -= 3;
}

static void read_line(struct reading *r) {
    if (r->line == 1)
        drop_mark(&r->text);
    size_t blank = strspn(r->text.data, " \t");
    bool first = !r->is_csv && r->to->servers.count == 0;
    if (strlen(r->text.data) != r->text.len)
        reading_mistake(r, 1, "expected text, found a NUL byte", NULL);
    else if (blank == r->text.len)
        return;
    else if (!r->is_csv && r->text.data[blank] == '{')
        reading_json(r);
    else if (first && r->text.data[blank] == '[')
        reading_mistake(r, 1, "expected JSON objects, one a line, not a list of them", NULL);
    else if (first && !r->is_csv && r->mistakes.count == 0) {
        r->is_csv = true;
        reading_csv_header(r);
    } else if (r->is_csv)
        reading_csv_fields(r);
    else
        reading_mistake(r, 1, "expected a JSON object, as on the lines before", NULL);
}

static int by_server(const void *a, const void *b) {
    const struct measurement *x = a, *y = b;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* What has a number on one line and something else on another is a mistake, not a label. */
static void sort_others(struct reading *r) {
    struct measurements *m = r->to;
    for (size_t i = 0; i < r->others.count; i++) {
        const char *key = r->others.items[i];
        size_t at = names_find(&m->keys, key, strlen(key));
        if (at != NAMES_NONE && m->metrics[at].measured)
            mistakes_add(&r->mistakes, r->other_lines[i], 1,
                         "'%s': expected a number, as on other lines (or --ignore)", key);
        else if (names_add(&m->labels, key, strlen(key)) < 0)
            r->no_memory = true;
    }
}

static int check(struct reading *r, const char *name, struct str *mistakes, struct error *err) {
    struct measurements *m = r->to;
    sort_others(r);
    size_t n = mistakes_print(&r->mistakes, name, MEASUREMENTS_MISTAKES_MAX, mistakes);
    if (m->count >= MEASUREMENTS_VALUES_MAX ||
        (m->servers.count > 0 && m->metric_count > MEASUREMENTS_VALUES_MAX / m->servers.count))
        return error_set(err, ERROR_USAGE,
                         "%.200s has more than %d million numbers, or servers times metrics", name,
                         MEASUREMENTS_VALUES_MAX >> 20);
    if (r->no_memory || r->mistakes.failed || mistakes->failed)
        return error_memory(err);
    if (n > 0)
        return error_set(err, ERROR_USAGE, "%.200s has %zu mistake%s", name, n, n == 1 ? "" : "s");
    if (m->servers.count == 0)
        return error_set(err, ERROR_USAGE, "%.200s has no measurements", name);
    if (m->count > 0)
        qsort(m->items, m->count, sizeof(*m->items), by_server);
    return 0;
}

static void reading_done(struct reading *r) {
    for (size_t i = 0; i < r->column_count; i++)
        free(r->columns[i]);
    free(r->columns);
    free(r->roles);
    free(r->other_lines);
    names_done(&r->others);
    mistakes_done(&r->mistakes);
    str_done(&r->text);
}

int measurements_read(FILE *in, const char *name, const char *const *ignore, size_t ignore_count,
                      struct measurements *ret, struct str *mistakes, struct error *err) {
    cleanup(reading_done) struct reading r = {
        .to = ret, .ignore = ignore, .ignore_count = ignore_count};
    bool bad_header = false;
    while (!r.no_memory && !bad_header && r.mistakes.count < MEASUREMENTS_MISTAKES_MAX &&
           next_line(&r, in)) {
        bool was_csv = r.is_csv;
        read_line(&r);
        /* its fields would all be mistakes */
        bad_header = r.is_csv && !was_csv && r.mistakes.count > 0;
    }
    if (ferror(in))
        return error_os(err, ERROR_USAGE, errno, "cannot read %.200s", name);
    return check(&r, name, mistakes, err);
}

/* ---- benchmarks by their names ---- */

size_t measurements_rank(const char *name) {
    size_t len = strlen(name), end = len;
    while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9')
        end--;
    return end < len && end > 1 && name[end - 1] == ':' ? end - 1 : len;
}

/* The length of the longest of the names that the key begins with, or is; 0: none. */
static size_t longest(const struct names *benchmarks, const char *key, size_t len) {
    while (len > 0 && names_find(benchmarks, key, len) == NAMES_NONE) {
        const char *slash = memrchr(key, '/', len);
        len = slash ? (size_t)(slash - key) : 0;
    }
    return len;
}

int measurements_regroup(struct measurements *m, const struct names *benchmarks,
                         struct error *err) {
    for (size_t i = 0; i < m->metric_count; i++) {
        const char *key = m->keys.items[i];
        size_t whole = measurements_rank(key), len = longest(benchmarks, key, whole);
        if (len == 0)
            continue;
        char *benchmark = strndup(key, len), *metric = NULL;
        if (len < whole)
            metric = strdup(key + len + 1);
        else if (asprintf(&metric, "%s%s", MEASUREMENTS_ALONE, key + whole) < 0)
            metric = NULL;
        free(m->metrics[i].benchmark);
        free(m->metrics[i].metric);
        m->metrics[i].benchmark = benchmark;
        m->metrics[i].metric = metric;
        if (!benchmark || !metric)
            return error_memory(err);
    }
    return 0;
}
