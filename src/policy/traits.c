/*
 * traits: see traits.h.
 *
 * A table as policy/cohort has one: every column has a value for every row at any time. The facts
 * of ten thousand servers pass here one after the other at the end of a run, when nothing else is
 * left to do meanwhile. So whether a fact is left out is worked out once for its name, which stays
 * in the table without values, and printf, which takes longer than all the rest, is for broken
 * numbers.
 */
#include "policy/traits.h"

#include "base/attr.h"
#include "base/str.h"
#include "base/vec.h"
#include "wire/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (1024.0 * 1024 * 1024)
#define DEPTH_MAX 4
#define NAME_MAX_SHOWN 96
#define MEMBERS_MAX 48 /* different values of a list's member */

static void trait_done(struct trait *t) {
    names_done(&t->texts);
    free(t->values);
    free(t->numbers);
    free(t->what);
}

const char *trait_text(const struct trait *t, uint32_t value) {
    return t->texts.items[value - 1];
}

void traits_done(struct traits *t) {
    for (size_t i = 0; i < t->count; i++)
        trait_done(&t->items[i]);
    free(t->items);
    *t = (struct traits){0};
}

/* ---- the table ---- */

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

static struct trait *new_trait(struct traits *t, const char *what, bool is_sensor) {
    bool left_out = !is_sensor && is_left_out(what);
    struct trait column = {.what = strdup(what), .is_sensor = is_sensor};
    if (is_sensor)
        column.numbers = calloc(t->rows, sizeof(*column.numbers));
    else if (!left_out)
        column.values = calloc(t->rows, sizeof(*column.values));
    if (!column.what || (!column.values && !column.numbers && !left_out) ||
        vec_reserve(&t->items, &t->cap, t->count + 1, sizeof(*t->items)) < 0) {
        trait_done(&column);
        return NULL;
    }
    t->items[t->count++] = column;
    return &t->items[t->count - 1];
}

static struct trait *find_trait(struct traits *t, const char *what, bool is_sensor) {
    for (size_t i = 0, at = t->next; i < t->count; i++, at++) {
        at = at < t->count ? at : 0;
        if (t->items[at].is_sensor == is_sensor && strcmp(t->items[at].what, what) == 0) {
            t->next = at + 1;
            return &t->items[at];
        }
    }
    t->next = t->count + 1;
    return new_trait(t, what, is_sensor);
}

static int put_text(const struct traits *t, struct trait *column, const char *text) {
    if (!column->last || strcmp(trait_text(column, column->last), text) != 0) {
        size_t n = strlen(text);
        if (names_add(&column->texts, text, n) < 0)
            return -1;
        column->last = (uint32_t)names_find(&column->texts, text, n) + 1;
    }
    column->values[t->row] = column->last;
    return 0;
}

static int put_sensor(struct traits *t, const char *what, double number) {
    struct trait *column = find_trait(t, what, true);
    if (!column)
        return -1;
    column->numbers[t->row] = fmax(column->numbers[t->row], number);
    return 0;
}

/* ---- facts ---- */

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
static bool scalar_text(const char *what, const struct value *v, char text[NAME_MAX_SHOWN]) {
    static const int64_t exact = 1000000000; /* below it %.9g writes an integer as it is */
    double number = value_number(v);
    if (v->kind == VALUE_TEXT)
        *stpncpy(text, v->text, NAME_MAX_SHOWN - 1) = '\0';
    else if (v->kind == VALUE_TRUE || v->kind == VALUE_FALSE)
        strcpy(text, v->kind == VALUE_TRUE ? "on" : "off");
    else if (isnan(number))
        return false;
    else if (strcmp(what, "memory_bytes") == 0)
        snprintf(text, NAME_MAX_SHOWN, "%.6g", memory_gib(number));
    else if (ends_with(what, "size_bytes"))
        snprintf(text, NAME_MAX_SHOWN, "%.4g", number / GIB);
    else if (v->kind == VALUE_INTEGER && v->integer > -exact && v->integer < exact)
        snprintf(text, NAME_MAX_SHOWN, "%d", (int)v->integer);
    else
        snprintf(text, NAME_MAX_SHOWN, "%.9g", number);
    return true;
}

/* `dimms.speed_mts`; the key itself where nothing stands before it. */
static const char *join(struct str *room, const char *prefix, const char *key) {
    if (!*prefix)
        return key;
    str_add(room, prefix);
    str_add_char(room, '.');
    str_add(room, key);
    return room->failed ? NULL : room->data;
}

static bool same_value(const struct value *a, const struct value *b) {
    if (a->kind != b->kind)
        return false;
    if (a->kind == VALUE_TEXT)
        return strcmp(a->text, b->text) == 0;
    return a->kind == VALUE_INTEGER ? a->integer == b->integer
                                    : a->kind == VALUE_REAL && a->real == b->real;
}

/*
 * The different values of one member of a list's items, in order: `3200/4800`. Most are what the
 * item before has, as all DIMMs are of one size.
 */
static int put_member(struct traits *t, const char *what, const char *member,
                      const struct values *all, const struct value *list) {
    cleanup(str_done) struct str room = {0};
    cleanup(str_done) struct str joined = {0};
    char texts[MEMBERS_MAX][NAME_MAX_SHOWN];
    size_t n = 0, at;
    const struct value *last = NULL;
    const char *name = join(&room, what, member);
    struct trait *column = name ? find_trait(t, name, false) : NULL;
    if (!column)
        return -1;
    if (!column->values)
        return 0;
    for (const struct value *v = value_first(all, list); v && n < MEMBERS_MAX;
         v = value_next(all, list, v)) {
        const struct value *value = value_member(all, v, member);
        if (!value || (last && same_value(last, value)) || !scalar_text(name, value, texts[n]))
            continue;
        last = value;
        for (at = 0; at < n && strcmp(texts[at], texts[n]) != 0;)
            at++;
        n += at == n;
    }
    if (n == 0)
        return 0;
    qsort(texts, n, sizeof(*texts), (int (*)(const void *, const void *))strcmp);
    for (size_t i = 0; i < n; i++) {
        str_add(&joined, i ? "/" : "");
        str_add(&joined, texts[i]);
    }
    return joined.failed ? -1 : put_text(t, column, joined.data);
}

/* Whether no item before this one has the member. */
static bool is_new(const struct values *all, const struct value *list, const struct value *item,
                   const char *member) {
    for (const struct value *v = value_first(all, list); v != item; v = value_next(all, list, v))
        if (value_member(all, v, member))
            return false;
    return true;
}

static int put_members(struct traits *t, const char *what, const struct values *all,
                       const struct value *list, const struct value *item) {
    const struct value *key = item->kind == VALUE_OBJECT ? value_first(all, item) : NULL;
    for (; key; key = value_next(all, item, key + 1)) /* a key is followed by its member */
        if (is_new(all, list, item, key->text) && put_member(t, what, key->text, all, list) < 0)
            return -1;
    return 0;
}

static int put_list(struct traits *t, const char *what, const struct values *all,
                    const struct value *list) {
    char count[24];
    size_t n = 0;
    struct trait *column = find_trait(t, what, false);
    if (!column)
        return -1;
    if (!column->values)
        return 0;
    for (const struct value *v = value_first(all, list); v; v = value_next(all, list, v))
        n++;
    snprintf(count, sizeof(count), "%zu", n);
    if (put_text(t, column, count) < 0)
        return -1;
    for (const struct value *v = value_first(all, list); v; v = value_next(all, list, v))
        if (put_members(t, what, all, list, v) < 0)
            return -1;
    return 0;
}

static int put_scalar(struct traits *t, const char *what, const struct value *v) {
    char text[NAME_MAX_SHOWN];
    struct trait *column = find_trait(t, what, false);
    if (!column)
        return -1;
    return column->values && scalar_text(what, v, text) ? put_text(t, column, text) : 0;
}

static int put_object(struct traits *t, const char *prefix, const struct values *all,
                      const struct value *object, int depth) {
    for (const struct value *key = value_first(all, object); key;
         key = value_next(all, object, key + 1)) {
        const struct value *v = key + 1;
        cleanup(str_done) struct str room = {0};
        const char *what = join(&room, prefix, key->text);
        int rc = what ? 0 : -1;
        if (rc == 0 && v->kind == VALUE_LIST)
            rc = put_list(t, what, all, v);
        else if (rc == 0 && v->kind != VALUE_OBJECT)
            rc = put_scalar(t, what, v);
        else if (rc == 0 && depth < DEPTH_MAX && !is_left_out(what))
            rc = put_object(t, what, all, v, depth + 1);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* ---- sensors ---- */

static double number_of(const struct values *all, const struct value *object, const char *key) {
    const struct value *v = value_member(all, object, key);
    return v ? value_number(v) : NAN;
}

static int put_sensors(struct traits *t, const struct values *all) {
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
        double number = number_of(all, all->items, wanted[i]);
        snprintf(what, sizeof(what), "sensors.%s", wanted[i]);
        if (!isnan(number) && put_sensor(t, what, number) < 0)
            return -1;
    }
    const struct value *temperature = value_member(all, all->items, "temperature_c");
    double most = temperature ? number_of(all, temperature, "max") : NAN;
    return isnan(most) ? 0 : put_sensor(t, "sensors.temperature_c", most);
}

/* ---- a server ---- */

typedef int put_fn(struct traits *t, const struct values *all);

static int put_facts(struct traits *t, const struct values *all) {
    return put_object(t, "", all, all->items, 0);
}

static int put(struct traits *t, size_t row, const char *text, put_fn *fn, struct error *err) {
    cleanup(values_done) struct values all = {0};
    struct error why;
    t->row = row;
    t->next = 0;
    if (text && values_read_copy(text, &all, &why) < 0 && why.kind == ERROR_INTERNAL)
        return error_memory(err);
    bool object = all.count > 0 && all.items->kind == VALUE_OBJECT;
    return object && fn(t, &all) < 0 ? error_memory(err) : 0;
}

int traits_put_facts(struct traits *t, size_t row, const char *facts, struct error *err) {
    return put(t, row, facts, put_facts, err);
}

int traits_put_sensors(struct traits *t, size_t row, const char *sensors, struct error *err) {
    return put(t, row, sensors, put_sensors, err);
}
