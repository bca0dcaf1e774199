/*
 * traits: see traits.h.
 *
 * A table as policy/cohort has one: every column has a value for every row at any time.
 */
#include "policy/traits.h"

#include "base/attr.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vec.h"
#include "wire/jsontext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (1024.0 * 1024 * 1024)
#define DEPTH_MAX 4
#define NAME_MAX_SHOWN 96
#define MEMBERS_MAX 48 /* different values of a list's member */

static void trait_done(struct trait *t, size_t rows) {
    for (size_t i = 0; t->values && i < rows; i++)
        free(t->values[i].text);
    free(t->values);
    free(t->what);
}

void traits_done(struct traits *t) {
    for (size_t i = 0; i < t->count; i++)
        trait_done(&t->items[i], t->rows);
    free(t->items);
    *t = (struct traits){0};
}

/* ---- the table ---- */

static struct trait *new_trait(struct traits *t, const char *what, bool is_sensor) {
    struct trait column = {.what = strdup(what),
                           .is_sensor = is_sensor,
                           .values = calloc(t->rows, sizeof(*column.values))};
    if (!column.what || !column.values ||
        vec_reserve(&t->items, &t->cap, t->count + 1, sizeof(*t->items)) < 0) {
        trait_done(&column, 0);
        return NULL;
    }
    t->items[t->count++] = column;
    return &t->items[t->count - 1];
}

static struct trait *find_trait(struct traits *t, const char *what, bool is_sensor) {
    for (size_t i = 0; i < t->count; i++) {
        size_t at = (t->next + i) % t->count;
        if (strcmp(t->items[at].what, what) == 0) {
            t->next = at + 1;
            return &t->items[at];
        }
    }
    return new_trait(t, what, is_sensor);
}

static int put_text(struct traits *t, const char *what, const char *text) {
    struct trait *column = find_trait(t, what, false);
    if (!column)
        return -1;
    struct trait_value *v = &column->values[t->row];
    free(v->text);
    v->text = strdup(text);
    v->hash = v->text ? hash_text(1, text, strlen(text)) | 1 : 0;
    return v->text ? 0 : -1;
}

static int put_sensor(struct traits *t, const char *what, double number) {
    struct trait *column = find_trait(t, what, true);
    if (!column)
        return -1;
    struct trait_value *v = &column->values[t->row];
    v->number = fmax(v->number, number);
    return 0;
}

/* ---- facts ---- */

/* By the last part of the name, or the whole of it. */
static bool is_left_out(const char *what) {
    static const char *const names[] = {"hostname",
                                        "machine_id",
                                        "board_serial",
                                        "product_uuid",
                                        "uptime_seconds",
                                        "load_average",
                                        "lock",
                                        "facts_cut",
                                        "address",
                                        "name",
                                        "slot",
                                        "cpus",
                                        "memory_errors_corrected",
                                        "maker",
                                        "numa_nodes.memory_bytes",
                                        "part",
                                        "pcie_width_max",
                                        "gpus.pcie_gts"};
    const char *dot = strrchr(what, '.');
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(what, names[i]) == 0 || (dot && strcmp(dot + 1, names[i]) == 0))
            return true;
    return false;
}

/* Rounded up to a sixteenth of the power of two below: 441.5 GiB is seven of eight DIMMs' 448. */
static double memory_gib(double bytes) {
    double gib = bytes / GIB / 1.005, step = 1.0 / 16;
    if (!(gib > 0) || !isfinite(gib))
        return 0;
    while (step * 32 <= gib)
        step *= 2;
    return ceil(gib / step) * step;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* False for what has no text: null, and what is made of others. */
static bool scalar_text(const char *what, const json_t *value, char text[NAME_MAX_SHOWN]) {
    if (json_is_string(value))
        snprintf(text, NAME_MAX_SHOWN, "%s", json_string_value(value));
    else if (json_is_boolean(value))
        snprintf(text, NAME_MAX_SHOWN, "%s", json_is_true(value) ? "on" : "off");
    else if (json_is_number(value) && strcmp(what, "memory_bytes") == 0)
        snprintf(text, NAME_MAX_SHOWN, "%.6g", memory_gib(json_number_value(value)));
    else if (json_is_number(value) && ends_with(what, "size_bytes"))
        snprintf(text, NAME_MAX_SHOWN, "%.4g", json_number_value(value) / GIB);
    else if (json_is_number(value))
        snprintf(text, NAME_MAX_SHOWN, "%.9g", json_number_value(value));
    else
        return false;
    return true;
}

/* The different values of one member of a list's items, in order: `3200/4800`. */
static int put_member(struct traits *t, const char *what, const char *member, const json_t *list) {
    char name[NAME_MAX_SHOWN];
    char texts[MEMBERS_MAX][NAME_MAX_SHOWN];
    size_t n = 0, i, at;
    json_t *item;
    snprintf(name, sizeof(name), "%s.%s", what, member);
    if (is_left_out(name))
        return 0;
    json_array_foreach((json_t *)list, i, item) {
        if (n == MEMBERS_MAX || !scalar_text(name, json_object_get(item, member), texts[n]))
            continue;
        for (at = 0; at < n && strcmp(texts[at], texts[n]) != 0;)
            at++;
        n += at == n;
    }
    if (n == 0)
        return 0;
    qsort(texts, n, sizeof(*texts), (int (*)(const void *, const void *))strcmp);
    cleanup(str_done) struct str all = {0};
    for (i = 0; i < n; i++)
        str_addf(&all, "%s%s", i ? "/" : "", texts[i]);
    return all.failed ? -1 : put_text(t, name, all.data);
}

/* Whether no item before this one has the member. */
static bool is_new(const json_t *list, size_t item, const char *member) {
    for (size_t i = 0; i < item; i++)
        if (json_object_get(json_array_get(list, i), member))
            return false;
    return true;
}

static int put_list(struct traits *t, const char *what, const json_t *list) {
    char count[24];
    const char *member;
    json_t *item, *value;
    size_t i;
    snprintf(count, sizeof(count), "%zu", json_array_size(list));
    if (put_text(t, what, count) < 0)
        return -1;
    json_array_foreach((json_t *)list, i, item) {
        json_object_foreach(item, member, value) {
            if (is_new(list, i, member) && put_member(t, what, member, list) < 0)
                return -1;
        }
    }
    return 0;
}

static int put_object(struct traits *t, const char *prefix, json_t *object, int depth) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        cleanup(str_done) struct str name = {0};
        char text[NAME_MAX_SHOWN];
        int rc = 0;
        str_addf(&name, "%s%s%s", prefix, *prefix ? "." : "", key);
        if (name.failed)
            return -1;
        const char *what = name.data;
        if (!what || is_left_out(what))
            continue;
        if (json_is_object(value) && depth < DEPTH_MAX)
            rc = put_object(t, what, value, depth + 1);
        else if (json_is_array(value))
            rc = put_list(t, what, value);
        else if (scalar_text(what, value, text))
            rc = put_text(t, what, text);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* ---- sensors ---- */

static int put_sensors(struct traits *t, json_t *sensors) {
    static const char *const wanted[] = {"throttled",
                                         "throttled_percent",
                                         "slow_percent",
                                         "stolen_percent",
                                         "busy_percent",
                                         "held_per_second",
                                         "memory_errors_corrected",
                                         "memory_errors_uncorrected"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        char what[NAME_MAX_SHOWN];
        json_t *value = json_object_get(sensors, wanted[i]);
        snprintf(what, sizeof(what), "sensors.%s", wanted[i]);
        if (json_is_number(value) && put_sensor(t, what, json_number_value(value)) < 0)
            return -1;
    }
    json_t *most = json_object_get(json_object_get(sensors, "temperature_c"), "max");
    return json_is_number(most) ? put_sensor(t, "sensors.temperature_c", json_number_value(most))
                                : 0;
}

/* ---- a server ---- */

typedef int put_fn(struct traits *t, json_t *object);

static int put_facts(struct traits *t, json_t *facts) {
    return put_object(t, "", facts, 0);
}

static int put(struct traits *t, size_t row, const char *text, put_fn *fn, struct error *err) {
    struct error why;
    json_t *object = text ? jsontext_read(text, &why) : NULL;
    bool failed = text && !object && why.kind == ERROR_INTERNAL;
    t->row = row;
    t->next = 0;
    if (json_is_object(object) && fn(t, object) < 0)
        failed = true;
    json_decref(object);
    return failed ? error_memory(err) : 0;
}

int traits_put_facts(struct traits *t, size_t row, const char *facts, struct error *err) {
    return put(t, row, facts, put_facts, err);
}

int traits_put_sensors(struct traits *t, size_t row, const char *sensors, struct error *err) {
    return put(t, row, sensors, put_sensors, err);
}
