/* comparison: see comparison.h. Main thread only. */
#include "report/comparison.h"

#include "base/clock.h"
#include "policy/finding.h"
#include "report/document.h"
#include "report/serverlist.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOVES_SHOWN 20

static const char *const changes[] = {
    [COMPARE_SAME] = "same",
    [COMPARE_WORSE] = "worse",
    [COMPARE_BETTER] = "better",
    [COMPARE_UNSURE] = "unsure",
};

/* The lists of servers that a comparison ends with. */
enum list { NEWLY_FAILING, NEWLY_PASSING, ONLY_BEFORE, ONLY_AFTER };

static const struct {
    const char *key, *title;
} lists[] = {
    [NEWLY_FAILING] = {"newly_failing", "newly failing"},
    [NEWLY_PASSING] = {"newly_passing", "newly passing"},
    [ONLY_BEFORE] = {"only_before", "only in the earlier run"},
    [ONLY_AFTER] = {"only_after", "only in the later run"},
};

static bool in_list(const struct compared_runs *r, const struct compare_server *s, enum list list) {
    switch (list) {
    case NEWLY_FAILING:
        return compare_newly_failing(r->before, r->after, s);
    case NEWLY_PASSING:
        return compare_newly_passing(r->before, r->after, s);
    case ONLY_BEFORE:
        return s->after == COMPARE_NONE;
    case ONLY_AFTER:
        return s->before == COMPARE_NONE;
    }
    return false;
}

static const char *shown_metric(const struct cohort_metric *m) {
    return strcmp(m->benchmark, m->metric) == 0 ? "" : m->metric;
}

static void add_name(struct str *out, const struct cohort_metric *m, int width) {
    const char *metric = shown_metric(m);
    int used = (int)(strlen(m->benchmark) + (*metric ? 1 + strlen(metric) : 0));
    str_addf(out, "%s%s%s%*s", m->benchmark, *metric ? " " : "", metric,
             width > used ? width - used : 0, "");
}

static void add_number(struct str *out, double x, int width) {
    cleanup(str_done) struct str text = {0};
    if (isnan(x))
        str_add(&text, "-");
    else
        finding_add_value(&text, x, NULL);
    str_addf(out, " %*s", width, text.failed ? "?" : text.data);
}

static void add_row(struct str *out, const struct compare_metric *m) {
    char interval[64] = "-", ratio[32] = "-";
    if (!isnan(m->ratio))
        snprintf(ratio, sizeof(ratio), "%.3f", m->ratio);
    if (m->interval.coverage > 0)
        snprintf(interval, sizeof(interval), "%.3f to %.3f", m->interval.low, m->interval.high);
    str_add(out, "  ");
    add_name(out, m->metric, 26);
    add_number(out, m->before, 9);
    add_number(out, m->after, 9);
    str_addf(out, " %-10s %7s %-16s %7zu  %s\n", m->metric->unit ? m->metric->unit : "", ratio,
             interval, m->paired ? m->pairs : m->after_count, changes[m->change]);
}

static bool same_group(const struct compare_metric *a, const struct compare_metric *b) {
    return strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->disk ? a->disk : "", b->disk ? b->disk : "") == 0;
}

static void add_metrics(struct str *out, const struct comparison *c) {
    for (size_t i = 0; i < c->metric_count; i++) {
        const struct compare_metric *m = &c->metrics[i];
        if (i == 0 || !same_group(m - 1, m)) {
            str_addf(out, "\nkind %s%s%s\n", m->kind, m->disk ? ", disk " : "",
                     m->disk ? m->disk : "");
            str_addf(out, "  %-26s %9s %9s %-10s %7s %-16s %7s\n", "metric", "before", "after", "",
                     "ratio", "interval", "servers");
        }
        add_row(out, m);
    }
}

static void add_moves(struct str *out, const struct comparison *c) {
    if (c->move_count == 0)
        return;
    str_addf(out, "\nmoved, unlike their kind: %zu\n", c->move_count);
    for (size_t i = 0; i < c->move_count && i < MOVES_SHOWN; i++) {
        const struct compare_move *v = &c->moves[i];
        const struct cohort_metric *m = c->metrics[v->metric].metric;
        str_addf(out, "  %s: ", c->servers[v->server].name);
        add_name(out, m, 0);
        str_add(out, " from ");
        finding_add_value(out, v->before, NULL);
        str_add(out, " to ");
        finding_add_value(out, v->after, m->unit);
        str_addf(out, " (%.1f %% %s)\n", fabs(v->percent), v->percent < 0 ? "worse" : "better");
    }
    if (c->move_count > MOVES_SHOWN)
        str_addf(out, "  and %zu more: see --json\n", c->move_count - MOVES_SHOWN);
}

/* Returns how many there are. */
static size_t add_list(struct str *out, const struct compared_runs *r, enum list list) {
    const struct comparison *c = r->comparison;
    cleanup(free_ptr) const char **names = calloc(c->server_count + 1, sizeof(*names));
    size_t n = 0;
    if (!names) {
        out->failed = true;
        return 0;
    }
    for (size_t i = 0; i < c->server_count; i++)
        if (in_list(r, &c->servers[i], list))
            names[n++] = c->servers[i].name;
    if (n > 0) {
        str_addf(out, "\n%s: %zu\n  ", lists[list].title, n);
        serverlist_add(out, names, n);
        str_add_char(out, '\n');
    }
    return n;
}

static size_t count_changes(const struct comparison *c, enum compare_change change) {
    size_t n = 0;
    for (size_t i = 0; i < c->metric_count; i++)
        n += c->metrics[i].change == change;
    return n;
}

void comparison_add(struct str *out, const struct compared_runs *r) {
    const struct comparison *c = r->comparison;
    for (int i = 0; i < 2; i++) {
        char started[20];
        clock_format_local(r->runs[i].started, started);
        str_addf(out, "%s %s, %s, %zu servers\n", i ? "after: " : "before:", r->runs[i].id, started,
                 r->runs[i].total);
    }
    add_metrics(out, c);
    add_moves(out, c);
    size_t failing = 0;
    for (enum list list = NEWLY_FAILING; list <= ONLY_AFTER; list++) {
        size_t n = add_list(out, r, list);
        failing += list == NEWLY_FAILING ? n : 0;
    }
    str_addf(
        out,
        "\nOut of %zu metrics, %zu worse, %zu better, %zu unsure; %zu servers newly failing.\n",
        c->metric_count, count_changes(c, COMPARE_WORSE), count_changes(c, COMPARE_BETTER),
        count_changes(c, COMPARE_UNSURE), failing);
    if (c->metric_count > 0 && count_changes(c, COMPARE_UNSURE) == c->metric_count)
        str_add(out,
                "Nothing can be said of any metric: that takes 6 servers of a kind that are in "
                "both runs, or 4 in each.\n");
}

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *metric_object(const struct compare_metric *m) {
    const struct cohort_metric *of = m->metric;
    bool sure = m->interval.coverage > 0;
    return json_pack("{ss ss? ss ss ss? ss so so sI sI sI sb so so so so so ss}", "kind", m->kind,
                     "disk", m->disk, "benchmark", of->benchmark, "metric", of->metric, "unit",
                     of->unit, "better", of->lower_is_better ? "lower" : "higher", "before",
                     number(m->before), "after", number(m->after), "before_servers",
                     (json_int_t)m->before_count, "after_servers", (json_int_t)m->after_count,
                     "pairs", (json_int_t)m->pairs, "paired", m->paired, "ratio", number(m->ratio),
                     "low", number(m->interval.low), "high", number(m->interval.high), "confidence",
                     sure ? json_real(m->interval.coverage) : json_null(), "percent",
                     number(m->percent), "change", changes[m->change]);
}

static json_t *move_object(const struct comparison *c, const struct compare_move *v) {
    const struct cohort_metric *m = c->metrics[v->metric].metric;
    const struct compare_server *s = &c->servers[v->server];
    return json_pack("{ss ss ss ss ss? so so so}", "server", s->name, "kind", s->kind, "benchmark",
                     m->benchmark, "metric", m->metric, "unit", m->unit, "before",
                     number(v->before), "after", number(v->after), "percent", number(v->percent));
}

static json_t *list_array(const struct compared_runs *r, enum list list) {
    const struct comparison *c = r->comparison;
    json_t *array = json_array();
    for (size_t i = 0; i < c->server_count; i++)
        if (in_list(r, &c->servers[i], list) &&
            json_array_append_new(array, json_string(c->servers[i].name)) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* One member of the document and the comma in front of it. Takes `value` over; NULL fails. */
static int print_member(FILE *out, const char *key, json_t *value, struct error *err) {
    if (!value)
        return error_memory(err);
    fprintf(out, ",\n\"%s\": ", key);
    int rc = json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(value);
    return rc < 0 && !ferror(out) ? error_memory(err) : 0;
}

static json_t *metrics_array(const struct comparison *c) {
    json_t *array = json_array();
    for (size_t i = 0; i < c->metric_count; i++)
        if (json_array_append_new(array, metric_object(&c->metrics[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *moves_array(const struct comparison *c) {
    json_t *array = json_array();
    for (size_t i = 0; i < c->move_count; i++)
        if (json_array_append_new(array, move_object(c, &c->moves[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

int comparison_print_json(FILE *out, const struct compared_runs *r, struct error *err) {
    fputs("{\"before\": ", out);
    if (document_run(out, &r->runs[0], err) < 0)
        return -1;
    fputs(",\n\"after\": ", out);
    if (document_run(out, &r->runs[1], err) < 0 ||
        print_member(out, "worse", json_boolean(compare_worse(r->comparison, r->before, r->after)),
                     err) < 0 ||
        print_member(out, "least_percent", json_real(r->percent), err) < 0 ||
        print_member(out, "metrics", metrics_array(r->comparison), err) < 0 ||
        print_member(out, "moved", moves_array(r->comparison), err) < 0)
        return -1;
    for (enum list list = NEWLY_FAILING; list <= ONLY_AFTER; list++)
        if (print_member(out, lists[list].key, list_array(r, list), err) < 0)
            return -1;
    fputs("\n}\n", out);
    return 0;
}
