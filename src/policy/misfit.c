/*
 * misfit: see misfit.h.
 *
 * Why a baseline was passed over is in the source of the reference, which is kept with the result:
 * a run that is judged anew, from the store, has the same notes.
 */
#include "policy/misfit.h"

#include "base/attr.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

static void misfit_done(struct misfit *m) {
    free(m->benchmark);
    free(m->metric);
    free(m->why);
}

void misfits_done(struct misfits *m) {
    for (size_t i = 0; i < m->count; i++)
        misfit_done(&m->items[i]);
    free(m->items);
    *m = (struct misfits){0};
}

/* What a source says of a baseline that was not used: `none; the baseline is 0`. NULL: nothing. */
static const char *why_not(const char *source) {
    static const char *const instead[] = {"none; ", "built-in; "};
    for (size_t i = 0; source && i < ARRAY_LEN(instead); i++)
        if (strncmp(source, instead[i], strlen(instead[i])) == 0)
            return source + strlen(instead[i]);
    return NULL;
}

static struct misfit *find(struct misfits *m, const struct benchmark_result *b, const char *why) {
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->items[i].why, why) == 0 && strcmp(m->items[i].metric, b->metric) == 0 &&
            strcmp(m->items[i].benchmark, b->benchmark) == 0)
            return &m->items[i];
    return NULL;
}

static int count(struct misfits *m, const struct benchmark_result *b, const char *why,
                 struct error *err) {
    struct misfit *known = find(m, b, why);
    if (known) {
        known->servers++;
        return 0;
    }
    if (vec_reserve(&m->items, &m->cap, m->count + 1, sizeof(*m->items)) < 0)
        return error_memory(err);
    struct misfit new = {.benchmark = strdup(b->benchmark),
                         .metric = strdup(b->metric),
                         .why = strdup(why),
                         .servers = 1};
    if (!new.benchmark || !new.metric || !new.why) {
        misfit_done(&new);
        return error_memory(err);
    }
    m->items[m->count++] = new;
    return 0;
}

int misfits_take(struct misfits *m, const struct server_result *r, struct error *err) {
    for (size_t i = 0; i < r->benchmark_count; i++) {
        const struct benchmark_result *b = &r->benchmarks[i];
        const char *why = why_not(b->reference_source);
        if (why && b->metric && count(m, b, why, err) < 0)
            return -1;
    }
    return 0;
}

static int compare(const void *a, const void *b) {
    const struct misfit *x = a, *y = b;
    if (x->servers != y->servers)
        return x->servers > y->servers ? -1 : 1;
    int by_benchmark = strcmp(x->benchmark, y->benchmark);
    return by_benchmark ? by_benchmark : strcmp(x->why, y->why);
}

int misfits_tell(struct misfits *m, struct findings *into, struct error *err) {
    if (m->count > 0)
        qsort(m->items, m->count, sizeof(*m->items), compare);
    for (size_t i = 0; i < m->count; i++) {
        const struct misfit *it = &m->items[i];
        struct str note = {0};
        str_addf(&note, "%s %s of %zu server%s was not scored by its baseline: %s", it->benchmark,
                 it->metric, it->servers, it->servers == 1 ? "" : "s", it->why);
        if (findings_note(into, str_take(&note), err) < 0)
            return -1;
    }
    return 0;
}
