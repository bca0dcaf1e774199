/*
 * finding: see finding.h.
 *
 * The texts are made here in both directions, so that a name of a member stands in one file.
 */
#include "policy/finding.h"

#include "base/text.h"
#include "base/vec.h"
#include "wire/jsontext.h"

#include <math.h>
#include <stdlib.h>

#define WHY_SHOWN 3

static const char *const names[] = {
    [FINDING_OUTLIER] = "outlier",
    [FINDING_MISSING] = "missing-metric",
    [FINDING_DRIFT] = "drift",
};

void findings_done(struct findings *f) {
    for (size_t i = 0; i < f->count; i++)
        free(f->items[i].detail);
    for (size_t i = 0; i < f->note_count; i++)
        free(f->notes[i]);
    free(f->items);
    free(f->notes);
    *f = (struct findings){0};
}

int findings_add(struct findings *f, struct finding *add, struct error *err) {
    if (!add->detail || vec_reserve(&f->items, &f->cap, f->count + 1, sizeof(*f->items)) < 0) {
        free(add->detail);
        add->detail = NULL;
        return error_memory(err);
    }
    f->items[f->count++] = *add;
    add->detail = NULL;
    return 0;
}

int findings_note(struct findings *f, char *sentence, struct error *err) {
    if (!sentence ||
        vec_reserve(&f->notes, &f->note_cap, f->note_count + 1, sizeof(*f->notes)) < 0) {
        free(sentence);
        return error_memory(err);
    }
    f->notes[f->note_count++] = sentence;
    return 0;
}

void findings_add_notes(struct str *out, const struct findings *f) {
    for (size_t i = 0; i < f->note_count; i++) {
        str_add_char(out, i ? ',' : '[');
        text_add_json(out, f->notes[i], strlen(f->notes[i]));
    }
    if (f->note_count > 0)
        str_add_char(out, ']');
}

/* How far below what was expected, for the order: what is not defined is the worst. */
static double badness(const struct finding *f) {
    return isnan(f->percent) ? INFINITY : -f->percent;
}

static int compare(const void *a, const void *b) {
    const struct finding *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    if (x->what != y->what)
        return x->what < y->what ? -1 : 1;
    if (badness(x) != badness(y))
        return badness(x) > badness(y) ? -1 : 1;
    int by_benchmark = strcmp(x->benchmark, y->benchmark);
    return by_benchmark ? by_benchmark : strcmp(x->metric, y->metric);
}

void findings_sort(struct findings *f) {
    if (f->count > 0)
        qsort(f->items, f->count, sizeof(*f->items), compare);
}

double finding_percent(double value, double expected, bool lower_is_better) {
    if (expected == 0)
        return NAN;
    double more = 100 * (value / fabs(expected) - (expected < 0 ? -1 : 1));
    return lower_is_better ? -more : more;
}

void finding_add_value(struct str *out, double value, const char *unit) {
    bool large = fabs(value) >= 1000 && fabs(value) < 1e15;
    str_addf(out, large ? "%.0f" : "%.4g", value);
    if (unit && *unit)
        str_addf(out, " %s", unit);
}

static void add_text(struct str *out, const char *key, const char *text) {
    str_addf(out, "\"%s\":", key);
    if (text && *text)
        text_add_json(out, text, strlen(text));
    else
        str_add(out, "null");
}

static void add_number(struct str *out, const char *key, double x) {
    if (isfinite(x))
        str_addf(out, ",\"%s\":%.15g", key, x);
    else
        str_addf(out, ",\"%s\":null", key);
}

static void add_one(struct str *out, const struct finding *f) {
    str_add_char(out, '{');
    add_text(out, "finding", names[f->what]);
    str_add_char(out, ',');
    add_text(out, "benchmark", f->benchmark);
    str_add_char(out, ',');
    add_text(out, "metric", f->metric);
    add_number(out, "value", f->value);
    add_number(out, "expected", f->expected);
    str_add_char(out, ',');
    add_text(out, "unit", f->unit);
    add_number(out, "percent", f->percent);
    add_number(out, "z", f->z);
    str_addf(out, ",\"peers\":%zu", f->peers);
    if (f->since[0]) {
        str_add_char(out, ',');
        add_text(out, "since", f->since);
    }
    str_add_char(out, ',');
    add_text(out, "detail", f->detail);
    str_add_char(out, '}');
}

void finding_add_json(struct str *out, const struct finding *items, size_t n) {
    str_add_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            str_add_char(out, ',');
        add_one(out, &items[i]);
    }
    str_add_char(out, ']');
}

static void add_more(struct str *out, size_t more) {
    if (more > 0)
        str_addf(out, "; and %zu more metric%s", more, more == 1 ? "" : "s");
}

char *finding_decides(const struct finding *items, size_t n) {
    struct str text = {0};
    size_t more = 0;
    for (size_t i = 1; i < n; i++)
        more += items[i].what != FINDING_DRIFT;
    str_add(&text, items[0].detail);
    add_more(&text, more);
    return str_take(&text);
}

static const char *member(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static char *taken(struct str *s, struct error *err) {
    char *text = str_take(s);
    if (!text)
        error_memory(err);
    return text;
}

/* The sentence of the first finding of that name, and how many more there are. NULL: none. */
static int tell(const json_t *list, const char *name, char **into, struct error *err) {
    cleanup(str_done) struct str text = {0};
    size_t i, more = 0;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (strcmp(member(item, "finding"), name) != 0)
            continue;
        if (text.len > 0)
            more++;
        else
            str_add(&text, member(item, "detail"));
    }
    if (text.len == 0 && !text.failed)
        return 0;
    add_more(&text, more);
    return (*into = taken(&text, err)) ? 0 : -1;
}

/* The list that is in the text, NULL where there is none. The caller lets go of it. */
static int read_list(const char *text, json_t **ret, struct error *err) {
    *ret = text ? jsontext_read(text, err) : NULL;
    return text && !*ret && err->kind == ERROR_INTERNAL ? -1 : 0;
}

static int tell_findings(struct outcome *o, const char *findings, struct error *err) {
    json_t *list;
    if (read_list(findings, &list, err) < 0)
        return -1;
    int rc = 0;
    if (o->verdict == VERDICT_PASSED)
        rc = tell(list, names[FINDING_OUTLIER], &o->outlier, err) < 0 ||
                     tell(list, names[FINDING_MISSING], &o->missing, err) < 0
                 ? -1
                 : 0;
    if (rc == 0)
        rc = tell(list, names[FINDING_DRIFT], &o->drift, err);
    json_decref(list);
    return rc;
}

static int tell_why(struct outcome *o, const char *why, struct error *err) {
    json_t *list, *item;
    size_t i;
    if (read_list(why, &list, err) < 0)
        return -1;
    cleanup(str_done) struct str text = {0};
    json_array_foreach(list, i, item) {
        if (i == WHY_SHOWN)
            break;
        str_addf(&text, "%s%s", i ? "; " : "", member(item, "detail"));
    }
    json_decref(list);
    if (text.len == 0 && !text.failed)
        return 0;
    return (o->why = taken(&text, err)) ? 0 : -1;
}

static void forget(char **text) {
    free(*text);
    *text = NULL;
}

int finding_tell(struct outcome *o, const char *findings, const char *why, struct error *err) {
    forget(&o->outlier);
    forget(&o->missing);
    forget(&o->drift);
    forget(&o->why);
    return tell_findings(o, findings, err) < 0 ? -1 : tell_why(o, why, err);
}

int finding_outcome(const char *server, const struct server_result *r, struct outcome *ret,
                    struct error *err) {
    struct outcome o = {.server = server,
                        .verdict = r->verdict,
                        .reason = r->reason,
                        .detail = r->detail ? strdup(r->detail) : NULL,
                        .flaky = server_result_flaky(r),
                        .earlier = r->earlier_count};
    int rc =
        r->detail && !o.detail ? error_memory(err) : finding_tell(&o, r->findings, r->why, err);
    if (rc < 0)
        outcome_done(&o);
    else
        *ret = o;
    return rc;
}

int finding_of_benchmark(const char *findings, const char *benchmark, char **ret,
                         struct error *err) {
    json_t *list, *item;
    size_t i, more = 0;
    cleanup(str_done) struct str text = {0};
    *ret = NULL;
    if (read_list(findings, &list, err) < 0)
        return -1;
    json_array_foreach(list, i, item) {
        bool decides = strcmp(member(item, "finding"), names[FINDING_DRIFT]) != 0;
        if (!decides || strcmp(member(item, "benchmark"), benchmark) != 0)
            continue;
        if (text.len > 0)
            more++;
        else
            str_add(&text, member(item, "detail"));
    }
    json_decref(list);
    if (text.len == 0 && !text.failed)
        return 0;
    add_more(&text, more);
    return (*ret = taken(&text, err)) ? 0 : -1;
}
