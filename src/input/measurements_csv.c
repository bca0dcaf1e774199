/* measurements_csv: numbers as CSV with a header: see measurements_reading.h. */
#include "input/measurements_reading.h"

#include "base/units.h"
#include "base/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
        reading_mistake(r, ret->column, "expected a quote at the end of the field, then a comma",
                        NULL);
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
    char *name = reading_copy(r, p);
    if (!name || vec_reserve(&r->roles, cap, at + 1, sizeof(*r->roles)) < 0 ||
        vec_reserve(&r->columns, names_cap, at + 1, sizeof(*r->columns)) < 0) {
        free(name);
        r->no_memory = true;
        return false;
    }
    r->columns[at] = name;
    r->roles[at] = reading_role(r, name);
    r->column_count++;
    return true;
}

/* Each column is to be there once; found by hashing, since there may be many. */
static void check_columns(struct reading *r) {
    cleanup(names_done) struct names seen = {0};
    for (size_t i = 0; i < r->column_count; i++) {
        struct piece p = {r->columns[i], strlen(r->columns[i]), 1};
        if (names_has(&seen, r->columns[i]))
            reading_mistake(r, 1, "expected each column once", &p);
        else if (names_add(&seen, r->columns[i], p.len) < 0)
            r->no_memory = true;
        if (r->roles[i] == ROLE_METRIC && !r->is_long)
            (void)reading_metric(r, &p);
        else if (r->roles[i] == ROLE_METRIC)
            reading_mistake(r, 1, "expected no other column beside 'value' (or --ignore)", &p);
        else if (!r->is_long && r->roles[i] > ROLE_KIND && r->roles[i] < ROLE_IGNORED)
            reading_mistake(r, 1, "expected a column 'value' beside this one", &p);
    }
    if (!has_role(r, ROLE_SERVER))
        reading_mistake(r, 1, "expected a header with a column 'server' or 'node'", NULL);
    if (r->is_long && !has_role(r, ROLE_NAME) && !has_role(r, ROLE_BENCHMARK))
        reading_mistake(r, 1, "expected a column 'metric' or 'benchmark' beside 'value'", NULL);
}

void reading_csv_header(struct reading *r) {
    size_t cap = 0, names_cap = 0;
    struct piece p;
    for (char *at = r->text.data; at;)
        if (!next_field(r, &at, &p) || !add_column(r, &p, &cap, &names_cap))
            return;
    r->is_long = has_role(r, ROLE_VALUE);
    check_columns(r);
}

static double read_number(struct reading *r, const struct piece *p) {
    double value;
    if (reading_is_nothing(p))
        return NAN;
    if (number_parse(p->text, p->len, &value) == 0)
        return value;
    reading_mistake(r, p->column, "expected a number", p);
    return NAN;
}

static void put_fields(struct reading *r, const struct piece *fields, const struct piece *by) {
    int64_t server = reading_server(r, &by[ROLE_SERVER], &by[ROLE_KIND]);
    if (r->is_long) {
        reading_put_long(r, server, by, read_number(r, &by[ROLE_VALUE]));
        return;
    }
    for (size_t i = 0; i < r->column_count; i++)
        if (r->roles[i] == ROLE_METRIC) {
            size_t metric = names_find(&r->to->keys, r->columns[i], strlen(r->columns[i]));
            double value = read_number(r, &fields[i]);
            if (metric != NAMES_NONE)
                reading_put(r, server, (int64_t)metric, value);
        }
}

void reading_csv_fields(struct reading *r) {
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
