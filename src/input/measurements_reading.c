/*
 * measurements_reading: see measurements_reading.h.
 *
 * Each server and metric has a number, which a hash table finds by its name. Numbers that were
 * measured are kept as they come, since servers may come in any order and in parts.
 */
#include "input/measurements_reading.h"

#include "base/text.h"
#include "base/vec.h"
#include "model/server.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 500 /* of a metric with its benchmark, of a kind, of a unit */

void reading_mistake(struct reading *r, int column, const char *what, const struct piece *found) {
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

char *reading_copy(struct reading *r, const struct piece *p) {
    char *copy = strndup(p->text, p->len);
    r->no_memory |= !copy;
    return copy;
}

/* ---- servers, metrics, numbers ---- */

/* The server's number, or -1. */
int64_t reading_server(struct reading *r, const struct piece *name, const struct piece *kind) {
    struct measurements *m = r->to;
    size_t column;
    if (server_mistake(name->text, name->len, &column)) {
        reading_mistake(r, name->column, "expected the name of a server", name);
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
        reading_mistake(r, kind->column, "expected a kind of at most 500 bytes that can be shown",
                        kind);
    else if (!m->kinds[at])
        m->kinds[at] = reading_copy(r, kind);
    else if (strlen(m->kinds[at]) != kind->len || memcmp(m->kinds[at], kind->text, kind->len) != 0)
        reading_mistake(r, kind->column, "expected the kind that this server had before", kind);
    return (int64_t)at;
}

/* A new metric, the last of *m's, without its unit. */
static bool add_metric(struct measurements *m, const char *key, size_t len) {
    if (vec_reserve(&m->metrics, &m->metric_cap, m->metric_count + 1, sizeof(*m->metrics)) < 0)
        return false;
    const char *slash = memrchr(key, '/', len);
    struct measured_metric new = {.benchmark = strndup(key, slash ? (size_t)(slash - key) : len),
                                  .metric =
                                      slash ? strndup(slash + 1, len - (size_t)(slash + 1 - key))
                                            : strdup(MEASUREMENTS_ALONE)};
    if (!new.benchmark || !new.metric || names_add(&m->keys, key, len) < 0) {
        free(new.benchmark);
        free(new.metric);
        return false;
    }
    m->metrics[m->metric_count++] = new;
    return true;
}

static bool is_metric(struct reading *r, const struct piece *key) {
    if (is_name(key) && key->text[0] != '/' && key->text[key->len - 1] != '/')
        return true;
    reading_mistake(r, key->column, "expected a metric such as memory/triad, of at most 500 bytes",
                    key);
    return false;
}

/* The metric's number, or -1. Both sides of its last slash, if it has one, are to be there. */
int64_t reading_metric(struct reading *r, const struct piece *key) {
    struct measurements *m = r->to;
    size_t at = names_find(&m->keys, key->text, key->len);
    if (at != NAMES_NONE)
        return (int64_t)at;
    if (!is_metric(r, key))
        return -1;
    if (!add_metric(m, key->text, key->len)) {
        r->no_memory = true;
        return -1;
    }
    return (int64_t)m->metric_count - 1;
}

void reading_put(struct reading *r, int64_t server, int64_t metric, double value) {
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
    m->metrics[metric].measured = true;
    m->count++;
}

void reading_other(struct reading *r, const struct piece *key) {
    size_t at = r->others.count;
    if (names_find(&r->others, key->text, key->len) != NAMES_NONE || !is_metric(r, key))
        return;
    if (vec_reserve(&r->other_lines, &r->other_cap, at + 1, sizeof(*r->other_lines)) < 0 ||
        names_add(&r->others, key->text, key->len) < 0)
        r->no_memory = true;
    else
        r->other_lines[at] = r->line;
}

/* What stands for a number that was not measured; NaN and infinite ones may have a sign. */
bool reading_is_nothing(const struct piece *p) {
    static const char *const words[] = {"", "null", "none", "na", "n/a", "nan", "inf", "infinity"};
    size_t sign = p->len > 0 && (*p->text == '-' || *p->text == '+');
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i]) == p->len - sign &&
            strncasecmp(words[i], p->text + sign, p->len - sign) == 0)
            return true;
    return false;
}

bool reading_ignores(const struct reading *r, const char *name) {
    for (size_t i = 0; i < r->ignore_count; i++)
        if (fnmatch(r->ignore[i], name, 0) == 0)
            return true;
    return false;
}

enum role reading_role(const struct reading *r, const char *name) {
    static const struct {
        const char *name;
        enum role role;
    } known[] = {{"server", ROLE_SERVER},       {"node", ROLE_SERVER}, {"host", ROLE_SERVER},
                 {"kind", ROLE_KIND},           {"metric", ROLE_NAME}, {"value", ROLE_VALUE},
                 {"benchmark", ROLE_BENCHMARK}, {"unit", ROLE_UNIT},   {"better", ROLE_BETTER}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].role;
    return reading_ignores(r, name) ? ROLE_IGNORED : ROLE_METRIC;
}

/* ---- a metric a line ---- */

static void put_unit(struct reading *r, struct measured_metric *m, const struct piece *unit) {
    if (!unit->text || unit->len == 0)
        return;
    if (!is_name(unit))
        reading_mistake(r, unit->column, "expected a unit", unit);
    else if (!m->unit)
        m->unit = reading_copy(r, unit);
    else if (strlen(m->unit) != unit->len || memcmp(m->unit, unit->text, unit->len) != 0)
        reading_mistake(r, unit->column, "expected the unit that this metric had before", unit);
}

static void put_better(struct reading *r, struct measured_metric *m, const struct piece *better) {
    if (!better->text || better->len == 0)
        return;
    bool lower = better->len == 5 && memcmp(better->text, "lower", 5) == 0;
    enum better said = lower ? BETTER_LOWER : BETTER_HIGHER;
    if (!lower && (better->len != 6 || memcmp(better->text, "higher", 6) != 0))
        reading_mistake(r, better->column, "better: expected 'higher' or 'lower'", better);
    else if (m->better != BETTER_UNSAID && m->better != said)
        reading_mistake(r, better->column, "expected what was better of this metric before",
                        better);
    else
        m->better = said;
}

/* The pieces of a long line by their role. */
void reading_put_long(struct reading *r, int64_t server, const struct piece *by, double value) {
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
    if (reading_ignores(r, key.data))
        return;
    const struct piece *at = metric->text ? metric : benchmark;
    int64_t i = reading_metric(r, &(struct piece){key.data, key.len, at->column});
    if (i < 0)
        return;
    put_unit(r, &r->to->metrics[i], &by[ROLE_UNIT]);
    put_better(r, &r->to->metrics[i], &by[ROLE_BETTER]);
    reading_put(r, server, i, value);
}
