/* trials: see trials.h. Plain data of one worker. */
#include "bench/trials.h"

#include "base/vec.h"
#include "model/stats.h"

#include <string.h>

void trials_done(struct trials *t) {
    for (size_t i = 0; i < t->metric_count; i++)
        metric_done(&t->metrics[i]);
    free(t->metrics);
    free(t->values);
    free(t->class);
    free(t->conditions);
    free(t->sensors);
    *t = (struct trials){0};
}

static int room(struct trials *t, struct error *err) {
    size_t need = (t->count + 1) * t->metric_count;
    return vec_reserve(&t->values, &t->cap, need, sizeof(*t->values)) < 0 ? error_memory(err) : 0;
}

int trials_add_value(struct trials *t, const struct benchmark_plan *p, double value,
                     struct error *err) {
    if (!t->metrics) {
        struct metric *m = t->metrics = calloc(1, sizeof(*t->metrics));
        if (!m)
            return error_memory(err);
        t->metric_count = 1;
        *m = (struct metric){.name = strdup(p->metric ? p->metric : p->name),
                             .unit = strdup(p->unit ? p->unit : ""),
                             .lower_is_better = p->lower_is_better};
        if (!m->name || !m->unit)
            return error_memory(err);
    }
    if (room(t, err) < 0)
        return -1;
    t->values[t->count++] = value;
    return 0;
}

static bool same_metrics(const struct trials *t, const struct wire_message *m) {
    if (t->metric_count != m->metric_count)
        return false;
    for (size_t i = 0; i < t->metric_count; i++)
        if (strcmp(t->metrics[i].name, m->metrics[i].name) != 0)
            return false;
    return true;
}

int trials_add_metrics(struct trials *t, struct wire_message *m, struct error *err) {
    if (t->count > 0 && !same_metrics(t, m))
        return error_set(err, ERROR_BAD_OUTPUT, "the metrics differ from trial to trial");
    if (t->count == 0) {
        t->metric_count = m->metric_count;
        t->metrics = TAKE(m->metrics);
        m->metric_count = 0;
        t->units = m->units;
        t->class = TAKE(m->class);
    }
    free(t->conditions);
    free(t->sensors);
    t->conditions = TAKE(m->conditions);
    t->sensors = TAKE(m->sensors);
    if (room(t, err) < 0)
        return -1;
    const struct metric *from = t->count == 0 ? t->metrics : m->metrics;
    double *to = &t->values[t->count++ * t->metric_count];
    for (size_t i = 0; i < t->metric_count; i++)
        to[i] = from[i].value;
    return 0;
}

static int column(const struct trials *t, size_t metric, double **ret, struct error *err) {
    double *values = malloc(t->count * sizeof(*values));
    if (!values)
        return error_memory(err);
    for (size_t i = 0; i < t->count; i++)
        values[i] = t->values[i * t->metric_count + metric];
    *ret = values;
    return 0;
}

int trials_take(struct trials *t, struct benchmark_result *r, struct error *err) {
    for (size_t i = 0; i < t->metric_count; i++) {
        cleanup(free_ptr) double *values = NULL;
        if (column(t, i, &values, err) < 0)
            return -1;
        t->metrics[i].value = stats_median(values, t->count);
        if (i == 0)
            r->trials = TAKE(values);
    }
    r->trial_count = t->count;
    r->lower_is_better = t->metrics[0].lower_is_better;
    r->metric = strdup(t->metrics[0].name);
    r->unit = strdup(t->metrics[0].unit);
    r->conditions = TAKE(t->conditions);
    r->sensors = TAKE(t->sensors);
    r->metrics = TAKE(t->metrics);
    r->metric_count = t->metric_count;
    t->metric_count = 0;
    return r->metric && r->unit ? 0 : error_memory(err);
}
