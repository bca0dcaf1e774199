/* trials: see trials.h. Plain data of one worker. */
#include "bench/trials.h"

#include "model/stats.h"

#include <stdlib.h>
#include <string.h>

void trials_done(struct trials *t) {
    for (size_t i = 0; i < t->metric_count; i++)
        metric_done(&t->metrics[i]);
    free(t->metrics);
    free(t->class);
    free(t->conditions);
    free(t->sensors);
    *t = (struct trials){0};
}

/* Room for one more trial in every metric. */
static int room(struct trials *t, struct error *err) {
    if (t->count < t->cap)
        return 0;
    size_t cap = t->cap ? 2 * t->cap : 4;
    for (size_t i = 0; i < t->metric_count; i++) {
        double *more = reallocarray(t->metrics[i].trials, cap, sizeof(*more));
        if (!more)
            return error_memory(err);
        t->metrics[i].trials = more;
    }
    t->cap = cap;
    return 0;
}

/* What a metric measured in the trial that is being added. */
static void add(struct metric *m, double value) {
    m->trials[m->trial_count++] = value;
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
    add(&t->metrics[0], value);
    t->count++;
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
    for (size_t i = 0; i < t->metric_count; i++)
        add(&t->metrics[i], from[i].value);
    t->count++;
    return 0;
}

static int copy_text(const char *from, char **to, struct error *err) {
    free(*to);
    *to = from ? strdup(from) : NULL;
    return from && !*to ? error_memory(err) : 0;
}

static int copy_values(const struct metric *from, double **to, struct error *err) {
    size_t size = from->trial_count * sizeof(**to);
    free(*to);
    *to = malloc(size);
    if (!*to)
        return error_memory(err);
    memcpy(*to, from->trials, size);
    return 0;
}

static int copy_metric(const struct metric *from, struct metric *to, struct error *err) {
    *to = (struct metric){.value = stats_median(from->trials, from->trial_count),
                          .lower_is_better = from->lower_is_better,
                          .trial_count = from->trial_count,
                          .spread = stats_spread(from->trials, from->trial_count)};
    if (copy_text(from->name, &to->name, err) < 0 || copy_text(from->unit, &to->unit, err) < 0)
        return -1;
    return copy_values(from, &to->trials, err);
}

static int copy_metrics(const struct trials *t, struct benchmark_result *r, struct error *err) {
    while (r->metric_count > 0)
        metric_done(&r->metrics[--r->metric_count]);
    free(r->metrics);
    r->metrics = calloc(t->metric_count, sizeof(*r->metrics));
    if (!r->metrics)
        return error_memory(err);
    for (size_t i = 0; i < t->metric_count; i++)
        if (copy_metric(&t->metrics[i], &r->metrics[r->metric_count++], err) < 0)
            return -1;
    return 0;
}

int trials_copy(const struct trials *t, struct benchmark_result *r, struct error *err) {
    const struct metric *judged = &t->metrics[0];
    r->lower_is_better = judged->lower_is_better;
    r->trial_count = 0;
    if (copy_metrics(t, r, err) < 0 || copy_text(judged->name, &r->metric, err) < 0 ||
        copy_text(judged->unit, &r->unit, err) < 0 ||
        copy_text(t->conditions, &r->conditions, err) < 0 ||
        copy_text(t->sensors, &r->sensors, err) < 0 || copy_values(judged, &r->trials, err) < 0)
        return -1;
    r->trial_count = judged->trial_count;
    return 0;
}
