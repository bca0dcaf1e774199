/*
 * measurements: see measurements.h.
 *
 * One pass over the lines, of which one is in memory at a time. A line of either form comes down to
 * put() calls, each of which finds the number of its server and metric in a hash table. Numbers are
 * kept as they come and sorted at the end, since servers may come in any order and in parts.
 */
#include "input/measurements.h"

#include "base/text.h"
#include "base/units.h"
#include "base/vec.h"
#include "input/mistakes.h"
#include "model/server.h"

#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 500 /* of a metric with its benchmark, of a kind, of a unit */
#define ALONE "value"      /* the metric of a name without a benchmark */

/* What a column of CSV or a key of an object stands for. */
enum role {
    ROLE_METRIC,
    ROLE_SERVER,
    ROLE_KIND,
    ROLE_BENCHMARK,
    ROLE_NAME,
    ROLE_VALUE,
    ROLE_UNIT,
    ROLE_BETTER,
    ROLE_IGNORED,
    ROLE_COUNT
};

/* A piece of a line; text is NULL where it is not there. */
struct piece {
    const char *text;
    size_t len;
    int column;
};

struct reading {
    struct measurements *to;
    const char *const *ignore;
    size_t ignore_count;
    struct mistakes mistakes;
    bool no_memory;
    int line;
    struct str text; /* the line */
    /* of CSV */
    enum role *roles; /* of the columns */
    char **columns;   /* their names */
    size_t column_count;
    bool is_csv, is_long;
};

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
    *m = (struct measurements){0};
}

static void mistake(struct reading *r, int column, const char *what, const struct piece *found) {
    struct str shown = {0};
    if (found)
        text_add_printable(&shown, found->text, found->len, 80);
    mistakes_add(&r->mistakes, r->line, column, found ? "%s, not '%s'" : "%s", what,
                 shown.data ? shown.data : "");
    str_done(&shown);
}

static bool is_name(const struct piece *p) {
    return p->len > 0 && p->len <= NAME_MAX_BYTES && text_is_printable(p->text, p->len);
}

static char *copy_piece(struct reading *r, const struct piece *p) {
    char *copy = strndup(p->text, p->len);
    r->no_memory |= !copy;
    return copy;
}

/* ---- servers, metrics, numbers ---- */

/* The server's number, or -1. */
static int64_t put_server(struct reading *r, const struct piece *name, const struct piece *kind) {
    struct measurements *m = r->to;
    size_t column;
    if (server_mistake(name->text, name->len, &column)) {
        mistake(r, name->column, "expected the name of a server", name);
        return -1;
    }
    size_t at = names_find(&m->servers, name->text, name->len);
    if (at == NAMES_NONE) {
        at = m->servers.count;
        if (vec_reserve(&m->kinds, &m->kind_cap, at + 1, sizeof(*m->kinds)) < 0 ||
            names_add(&m->servers, name->text, name->len) < 0) {
            r->no_memory = true;
            return -1;
        }
        m->kinds[at] = NULL;
    }
    if (!kind->text || kind->len == 0)
        return (int64_t)at;
    if (!is_name(kind))
        mistake(r, kind->column, "expected a kind of at most 500 bytes that can be shown", kind);
    else if (!m->kinds[at])
        m->kinds[at] = copy_piece(r, kind);
    else if (strlen(m->kinds[at]) != kind->len || memcmp(m->kinds[at], kind->text, kind->len) != 0)
        mistake(r, kind->column, "expected the kind that this server had before", kind);
    return (int64_t)at;
}

/* A new metric, the last of *m's, without its unit. */
static bool add_metric(struct measurements *m, const char *key, size_t len) {
    if (vec_reserve(&m->metrics, &m->metric_cap, m->metric_count + 1, sizeof(*m->metrics)) < 0)
        return false;
    const char *slash = memrchr(key, '/', len);
    struct measured_metric new = {
        .benchmark = strndup(key, slash ? (size_t)(slash - key) : len),
        .metric = slash ? strndup(slash + 1, len - (size_t)(slash + 1 - key)) : strdup(ALONE)};
    if (!new.benchmark || !new.metric || names_add(&m->keys, key, len) < 0) {
        free(new.benchmark);
        free(new.metric);
        return false;
    }
    m->metrics[m->metric_count++] = new;
    return true;
}

/* The metric's number, or -1. Both sides of its last slash, if it has one, are to be there. */
static int64_t put_metric(struct reading *r, const struct piece *key) {
    struct measurements *m = r->to;
    size_t at = names_find(&m->keys, key->text, key->len);
    if (at != NAMES_NONE)
        return (int64_t)at;
    if (!is_name(key) || key->text[0] == '/' || key->text[key->len - 1] == '/') {
        mistake(r, key->column, "expected a metric such as memory/triad, of at most 500 bytes",
                key);
        return -1;
    }
    if (!add_metric(m, key->text, key->len)) {
        r->no_memory = true;
        return -1;
    }
    return (int64_t)m->metric_count - 1;
}

static void put(struct reading *r, int64_t server, int64_t metric, double value) {
    struct measurements *m = r->to;
    if (server < 0 || metric < 0 || !isfinite(value))
        return;
    if (m->count >= MEASUREMENTS_VALUES_MAX ||
        vec_reserve(&m->items, &m->cap, m->count + 1, sizeof(*m->items)) < 0) {
        r->no_memory = true;
        return;
    }
    m->items[m->count] =
        (struct measurement){(uint32_t)server, (uint32_t)metric, (uint32_t)m->count, value};
    m->count++;
}

/* What stands for a number that was not measured; NaN and infinite ones may have a sign. */
static bool is_nothing(const struct piece *p) {
    static const char *const words[] = {"", "null", "none", "na", "n/a", "nan", "inf", "infinity"};
    size_t sign = p->len > 0 && (*p->text == '-' || *p->text == '+');
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i]) == p->len - sign &&
            strncasecmp(words[i], p->text + sign, p->len - sign) == 0)
            return true;
    return false;
}

static double read_number(struct reading *r, const struct piece *p) {
    double value;
    if (is_nothing(p))
        return NAN;
    if (number_parse(p->text, p->len, &value) == 0)
        return value;
    mistake(r, p->column, "expected a number", p);
    return NAN;
}

static bool is_ignored(const struct reading *r, const char *name) {
    for (size_t i = 0; i < r->ignore_count; i++)
        if (fnmatch(r->ignore[i], name, 0) == 0)
            return true;
    return false;
}

static enum role role_of(const struct reading *r, const char *name) {
    static const struct {
        const char *name;
        enum role role;
    } known[] = {{"server", ROLE_SERVER},       {"node", ROLE_SERVER}, {"host", ROLE_SERVER},
                 {"kind", ROLE_KIND},           {"metric", ROLE_NAME}, {"value", ROLE_VALUE},
                 {"benchmark", ROLE_BENCHMARK}, {"unit", ROLE_UNIT},   {"better", ROLE_BETTER}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].role;
    return is_ignored(r, name) ? ROLE_IGNORED : ROLE_METRIC;
}

/* ---- a metric a line ---- */

static void put_unit(struct reading *r, struct measured_metric *m, const struct piece *unit) {
    if (!unit->text || unit->len == 0)
        return;
    if (!is_name(unit))
        mistake(r, unit->column, "expected a unit", unit);
    else if (!m->unit)
        m->unit = copy_piece(r, unit);
    else if (strlen(m->unit) != unit->len || memcmp(m->unit, unit->text, unit->len) != 0)
        mistake(r, unit->column, "expected the unit that this metric had before", unit);
}

static void put_better(struct reading *r, struct measured_metric *m, const struct piece *better) {
    if (!better->text || better->len == 0)
        return;
    bool lower = better->len == 5 && memcmp(better->text, "lower", 5) == 0;
    enum better said = lower ? BETTER_LOWER : BETTER_HIGHER;
    if (!lower && (better->len != 6 || memcmp(better->text, "higher", 6) != 0))
        mistake(r, better->column, "better: expected 'higher' or 'lower'", better);
    else if (m->better != BETTER_UNSAID && m->better != said)
        mistake(r, better->column, "expected what was better of this metric before", better);
    else
        m->better = said;
}

/* The pieces of a long line by their role. */
static void put_long(struct reading *r, int64_t server, const struct piece *by, double value) {
    cleanup(str_done) struct str key = {0};
    const struct piece *benchmark = &by[ROLE_BENCHMARK], *metric = &by[ROLE_NAME];
    if (benchmark->text)
        str_add_bytes(&key, benchmark->text, benchmark->len);
    if (metric->text && metric->len > 0) {
        if (key.len > 0)
            str_add_char(&key, '/');
        str_add_bytes(&key, metric->text, metric->len);
    }
    str_add(&key, "");
    if (key.failed) {
        r->no_memory = true;
        return;
    }
    if (is_ignored(r, key.data))
        return;
    const struct piece *at = metric->text ? metric : benchmark;
    int64_t i = put_metric(r, &(struct piece){key.data, key.len, at->column});
    if (i < 0)
        return;
    put_unit(r, &r->to->metrics[i], &by[ROLE_UNIT]);
    put_better(r, &r->to->metrics[i], &by[ROLE_BETTER]);
    put(r, server, i, value);
}

/* ---- JSON lines ---- */

static struct piece piece_of(const json_t *value) {
    return json_is_string(value)
               ? (struct piece){json_string_value(value), json_string_length(value), 1}
               : (struct piece){NULL, 0, 1};
}

static void put_json_number(struct reading *r, int64_t server, const char *key, json_t *value) {
    struct piece name = {key, strlen(key), 1};
    if (json_is_array(value)) {
        size_t i;
        json_t *one;
        json_array_foreach(value, i, one) if (json_is_array(one))
            mistake(r, 1, "expected a number or a list of numbers", &name);
        else put_json_number(r, server, key, one);
        return;
    }
    struct piece text = piece_of(value);
    if (!json_is_number(value) && !json_is_null(value) && !(text.text && is_nothing(&text))) {
        mistake(r, 1, "expected a number (or --ignore) as value of the metric", &name);
        return;
    }
    /* a metric that nobody could measure is not missing from anybody, but it is a metric */
    put(r, server, put_metric(r, &name), json_is_number(value) ? json_number_value(value) : NAN);
}

/* {"memory": {"triad": 187.3}} */
static void put_json_benchmark(struct reading *r, int64_t server, const char *key, json_t *object) {
    const char *metric;
    json_t *value;
    json_object_foreach(object, metric, value) {
        cleanup(str_done) struct str both = {0};
        str_addf(&both, "%s/%s", key, metric);
        if (both.failed)
            r->no_memory = true;
        else if (!is_ignored(r, both.data))
            put_json_number(r, server, both.data, value);
    }
}

static void put_json_long(struct reading *r, int64_t server, json_t *object, struct piece *by) {
    static const char *const keys[] = {[ROLE_BENCHMARK] = "benchmark",
                                       [ROLE_NAME] = "metric",
                                       [ROLE_UNIT] = "unit",
                                       [ROLE_BETTER] = "better"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_t *value = keys[i] ? json_object_get(object, keys[i]) : NULL;
        if (!value || json_is_null(value))
            continue;
        by[i] = piece_of(value);
        if (!by[i].text)
            mistake(r, 1, "expected a text", &(struct piece){keys[i], strlen(keys[i]), 1});
    }
    json_t *value = json_object_get(object, "value");
    struct piece text = piece_of(value);
    double number = NAN;
    if (json_is_number(value))
        number = json_number_value(value);
    else if (!json_is_null(value) && !(text.text && is_nothing(&text)))
        mistake(r, 1, "value: expected a number", text.text ? &text : NULL);
    put_long(r, server, by, number);
}

/* What Python writes for numbers that JSON has not becomes null. The caller lets go of the text. */
static void add_without_nan(struct str *out, const char *line, size_t n) {
    static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
    bool quoted = false;
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        for (size_t w = 0; !quoted && w < ARRAY_LEN(words) && !len; w++)
            if (strncmp(line + i, words[w], strlen(words[w])) == 0)
                len = strlen(words[w]);
        if (len) {
            str_add(out, "null");
            i += len;
            continue;
        }
        if (quoted && line[i] == '\\' && i + 1 < n)
            str_add_char(out, line[i++]);
        else if (line[i] == '"')
            quoted = !quoted;
        str_add_char(out, line[i++]);
    }
}

static json_t *parse_json(struct reading *r) {
    json_error_t why;
    cleanup(str_done) struct str plain = {0};
    struct str *text = &r->text;
    if (strstr(text->data, "NaN") || strstr(text->data, "Infinity")) {
        add_without_nan(&plain, text->data, text->len);
        text = &plain;
    }
    if (plain.failed) {
        r->no_memory = true;
        return NULL;
    }
    json_t *object = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(object))
        return object;
    if (!object && json_error_code(&why) == json_error_out_of_memory)
        r->no_memory = true;
    else if (!object)
        mistake(r, why.column > 0 ? why.column : 1, "expected one JSON object a line",
                &(struct piece){why.text, strlen(why.text), 1});
    else
        mistake(r, 1, "expected one JSON object a line", NULL);
    json_decref(object);
    return NULL;
}

static void read_json(struct reading *r) {
    json_t *object = parse_json(r), *value;
    const char *key;
    struct piece by[ROLE_COUNT] = {0};
    bool is_long = false;
    json_object_foreach(object, key, value) {
        enum role role = role_of(r, key);
        if (role != ROLE_SERVER && role != ROLE_KIND) {
            is_long |= role == ROLE_VALUE;
            continue;
        }
        if (role == ROLE_SERVER && by[role].text)
            mistake(r, 1, "expected one of server, node and host", NULL);
        by[role] = piece_of(value);
        if (!by[role].text && !(role == ROLE_KIND && json_is_null(value)))
            mistake(r, 1, "expected a text", &(struct piece){key, strlen(key), 1});
    }
    if (object && !by[ROLE_SERVER].text)
        mistake(r, 1, "expected the key 'server' or 'node'", NULL);
    int64_t server = by[ROLE_SERVER].text ? put_server(r, &by[ROLE_SERVER], &by[ROLE_KIND]) : -1;
    if (server >= 0 && is_long)
        put_json_long(r, server, object, by);
    json_object_foreach(object, key, value) {
        enum role role = role_of(r, key);
        if (role == ROLE_SERVER || role == ROLE_KIND || role == ROLE_IGNORED || server < 0 ||
            (is_long && role != ROLE_METRIC))
            continue;
        if (is_long)
            mistake(r, 1, "expected no other key beside 'value' (or --ignore)",
                    &(struct piece){key, strlen(key), 1});
        else if (json_is_object(value))
            put_json_benchmark(r, server, key, value);
        else
            put_json_number(r, server, key, value);
    }
    json_decref(object);
}

/* ---- CSV ---- */

/*
 * Takes the next field off the line, unquoted in place; *at moves behind its comma, or to NULL at
 * the end of the line. False after a mistake.
 */
static bool next_field(struct reading *r, char **at, struct piece *ret) {
    char *p = *at, *to;
    ret->column = (int)(p - r->text.data) + 1;
    if (*p != '"') {
        ret->text = p;
        ret->len = strcspn(p, ",");
        *at = p[ret->len] ? p + ret->len + 1 : NULL;
        while (ret->len > 0 && *ret->text == ' ')
            ret->text++, ret->len--;
        while (ret->len > 0 && ret->text[ret->len - 1] == ' ')
            ret->len--;
        return true;
    }
    ret->text = to = ++p;
    for (; *p && (*p != '"' || p[1] == '"'); p++) {
        p += *p == '"';
        *to++ = *p;
    }
    ret->len = (size_t)(to - ret->text);
    if (*p != '"' || (p[1] && p[1] != ',')) {
        mistake(r, ret->column, "expected a quote at the end of the field, then a comma", NULL);
        return false;
    }
    *at = p[1] ? p + 2 : NULL;
    return true;
}

static bool has_role(const struct reading *r, enum role role) {
    for (size_t i = 0; i < r->column_count; i++)
        if (r->roles[i] == role)
            return true;
    return false;
}

static bool add_column(struct reading *r, const struct piece *p, size_t *cap, size_t *names_cap) {
    size_t at = r->column_count;
    char *name = copy_piece(r, p);
    if (!name || vec_reserve(&r->roles, cap, at + 1, sizeof(*r->roles)) < 0 ||
        vec_reserve(&r->columns, names_cap, at + 1, sizeof(*r->columns)) < 0) {
        free(name);
        r->no_memory = true;
        return false;
    }
    r->columns[at] = name;
    r->roles[at] = role_of(r, name);
    r->column_count++;
    return true;
}

/* Each column is to be there once; found by hashing, since there may be many. */
static void check_columns(struct reading *r) {
    cleanup(names_done) struct names seen = {0};
    for (size_t i = 0; i < r->column_count; i++) {
        struct piece p = {r->columns[i], strlen(r->columns[i]), 1};
        if (names_has(&seen, r->columns[i]))
            mistake(r, 1, "expected each column once", &p);
        else if (names_add(&seen, r->columns[i], p.len) < 0)
            r->no_memory = true;
        if (r->roles[i] == ROLE_METRIC && !r->is_long)
            (void)put_metric(r, &p);
        else if (r->roles[i] == ROLE_METRIC)
            mistake(r, 1, "expected no other column beside 'value' (or --ignore)", &p);
        else if (!r->is_long && r->roles[i] > ROLE_KIND && r->roles[i] < ROLE_IGNORED)
            mistake(r, 1, "expected a column 'value' beside this one", &p);
    }
    if (!has_role(r, ROLE_SERVER))
        mistake(r, 1, "expected a header with a column 'server' or 'node'", NULL);
    if (r->is_long && !has_role(r, ROLE_NAME) && !has_role(r, ROLE_BENCHMARK))
        mistake(r, 1, "expected a column 'metric' or 'benchmark' beside 'value'", NULL);
}

static void read_header(struct reading *r) {
    size_t cap = 0, names_cap = 0;
    struct piece p;
    for (char *at = r->text.data; at;)
        if (!next_field(r, &at, &p) || !add_column(r, &p, &cap, &names_cap))
            return;
    r->is_long = has_role(r, ROLE_VALUE);
    check_columns(r);
}

static void put_fields(struct reading *r, const struct piece *fields, const struct piece *by) {
    int64_t server = put_server(r, &by[ROLE_SERVER], &by[ROLE_KIND]);
    if (r->is_long) {
        put_long(r, server, by, read_number(r, &by[ROLE_VALUE]));
        return;
    }
    for (size_t i = 0; i < r->column_count; i++)
        if (r->roles[i] == ROLE_METRIC) {
            size_t metric = names_find(&r->to->keys, r->columns[i], strlen(r->columns[i]));
            double value = read_number(r, &fields[i]);
            if (metric != NAMES_NONE)
                put(r, server, (int64_t)metric, value);
        }
}

static void read_fields(struct reading *r) {
    cleanup(free_ptr) struct piece *fields = calloc(r->column_count, sizeof(*fields));
    struct piece by[ROLE_COUNT] = {0}, p;
    size_t n = 0;
    if (!fields) {
        r->no_memory = true;
        return;
    }
    for (char *at = r->text.data; at; n++) {
        if (!next_field(r, &at, &p))
            return;
        if (n < r->column_count) {
            fields[n] = p;
            by[r->roles[n]] = p;
        }
    }
    if (n == r->column_count)
        put_fields(r, fields, by);
    else
        mistakes_add(&r->mistakes, r->line, 1, "expected %zu fields, as in the header, not %zu",
                     r->column_count, n);
}

/* ---- lines ---- */

/* Reads the next line without its end; false at the end of the file, or where it is too long. */
static bool next_line(struct reading *r, FILE *in) {
    int c;
    str_clear(&r->text);
    str_add(&r->text, "");
    r->line++;
    while ((c = getc_unlocked(in)) != EOF && c != '\n') {
        if (r->text.len == MEASUREMENTS_LINE_MAX) {
            mistake(r, 1, "expected lines of at most 4 MiB; the rest was not read", NULL);
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
        mistake(r, 1, "expected text, found a NUL byte", NULL);
    else if (blank == r->text.len)
        return;
    else if (!r->is_csv && r->text.data[blank] == '{')
        read_json(r);
    else if (first && !r->is_csv && r->mistakes.count == 0) {
        r->is_csv = true;
        read_header(r);
    } else if (r->is_csv)
        read_fields(r);
    else
        mistake(r, 1, "expected a JSON object, as on the lines before", NULL);
}

static int by_server(const void *a, const void *b) {
    const struct measurement *x = a, *y = b;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int check(struct reading *r, const char *name, struct str *mistakes, struct error *err) {
    struct measurements *m = r->to;
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
        return error_set(err, ERROR_USAGE, "%.200s: %s", name, strerror(errno));
    return check(&r, name, mistakes, err);
}
