/* baseline: see baseline.h. */
#include "model/baseline.h"

#include "base/str.h"
#include "base/vec.h"

#include <string.h>

void baseline_done(struct baseline *b) {
    char *texts[] = {b->kind, b->benchmark, b->metric, b->unit, b->run};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    *b = (struct baseline){0};
}

void baselines_done(struct baselines *list) {
    for (size_t i = 0; i < list->count; i++)
        baseline_done(&list->items[i]);
    free(list->items);
    *list = (struct baselines){0};
}

#define BETWEEN ", " /* a kind and its disk */

/* As strcmp() of the name and baseline_kind(), without making it. */
static int compare_kind(const char *name, const char *kind, const char *disk) {
    size_t n = strlen(kind), between = strlen(BETWEEN);
    int order = disk ? strncmp(name, kind, n) : strcmp(name, kind);
    if (order || !disk)
        return order;
    order = strncmp(name + n, BETWEEN, between);
    return order ? order : strcmp(name + n + between, disk);
}

static int compare(const struct baseline *b, const char *kind, const char *disk,
                   const char *benchmark, const char *metric) {
    int order = compare_kind(b->kind, kind, disk);
    if (order == 0)
        order = strcmp(b->benchmark, benchmark);
    return order ? order : strcmp(b->metric, metric);
}

/* The first that does not come before these. */
static size_t place_of(const struct baselines *list, const char *kind, const char *disk,
                       const char *benchmark, const char *metric) {
    size_t low = 0, high = list->count;
    if (high > 0 && compare(&list->items[high - 1], kind, disk, benchmark, metric) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&list->items[middle], kind, disk, benchmark, metric) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int copy(const struct baseline *b, struct baseline *ret, struct error *err) {
    *ret = *b;
    ret->kind = strdup(b->kind);
    ret->benchmark = strdup(b->benchmark);
    ret->metric = strdup(b->metric);
    ret->unit = strdup(b->unit);
    ret->run = b->run ? strdup(b->run) : NULL;
    if (ret->kind && ret->benchmark && ret->metric && ret->unit && (ret->run || !b->run))
        return 0;
    baseline_done(ret);
    return error_memory(err);
}

int baselines_put(struct baselines *list, const struct baseline *b, struct error *err) {
    struct baseline new;
    if (vec_reserve(&list->items, &list->cap, list->count + 1, sizeof(*list->items)) < 0)
        return error_memory(err);
    if (copy(b, &new, err) < 0)
        return -1;
    size_t at = place_of(list, b->kind, NULL, b->benchmark, b->metric);
    struct baseline *to = &list->items[at];
    if (at < list->count && compare(to, b->kind, NULL, b->benchmark, b->metric) == 0) {
        baseline_done(to);
    } else {
        memmove(to + 1, to, (list->count - at) * sizeof(*to));
        list->count++;
    }
    *to = new;
    return 0;
}

const struct baseline *baselines_find(const struct baselines *list, const char *kind,
                                      const char *disk, const char *benchmark, const char *metric) {
    size_t at = place_of(list, kind, disk, benchmark, metric);
    if (at == list->count || compare(&list->items[at], kind, disk, benchmark, metric) != 0)
        return NULL;
    return &list->items[at];
}

char *baseline_kind(const char *kind, const char *disk) {
    struct str name = {0};
    str_addf(&name, "%s%s%s", kind, disk ? BETWEEN : "", disk ? disk : "");
    return str_take(&name);
}

bool baseline_same(const struct baseline *a, const struct baseline *b) {
    return strcmp(a->unit, b->unit) == 0 && a->lower_is_better == b->lower_is_better &&
           a->median == b->median && a->scale == b->scale && a->count == b->count;
}
