/*
 * detail: see detail.h.
 *
 *     web03  failed, outlier: memory triad 21.3 GB/s, 18 % below its peers' 26 GB/s (z -9.1...
 *       1 attempt, 12.3 s
 *       kind           EPYC 9654 x2 192c 768G
 *       found          memory triad 21.3 GB/s, 18 % below its peers' 26 GB/s (z -9.1, 31 servers)
 *       different      DIMM speed 3200 (4800)
 *
 *     memory  passed, outlier by its peers, score 82, threshold 50, 9.1 s
 *       triad          21.3 GB/s (reference 26, built-in; trials 21.2, 21.3, 21.4; spread 0.5 %)
 *       copy           19.9 GB/s (trials 19.8, 19.9, 20; spread 0.5 %)
 *       conditions     busy 30 %
 *       sensors
 *         busy_percent 30.2
 *
 *     facts
 *       cpu_model      Xeon(R) Gold 6338 @ 2.00GHz
 *       memory         512 GiB
 *       disks
 *         name nvme0n1, model PM9A3, size 3.49 TiB, rotational no, transport nvme
 *       not known: turbo, dimms
 *
 * Facts and sensors are printed as they come, whatever keys they have: an agent that learns to tell
 * more needs nothing here. Pure.
 */
#include "report/detail.h"

#include "base/text.h"
#include "model/labels.h"
#include "wire/jsontext.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define KEY_WIDTH 24
#define TEXT_MAX 4096

static void add_scaled(struct str *out, double n, double step, const char *const *units) {
    while (n >= step && units[1]) {
        n /= step;
        units++;
    }
    str_addf(out, "%.*f %s", n >= 100 || n == floor(n) ? 0 : n >= 10 ? 1 : 2, n, *units);
}

static void add_quantity(struct str *out, const char *key, double n) {
    static const char *const bytes[] = {"B", "KiB", "MiB", "GiB", "TiB", NULL};
    static const char *const times[] = {"s", "min", "h", NULL};
    size_t len = strlen(key);
    if (len > 6 && strcmp(key + len - 6, "_bytes") == 0)
        add_scaled(out, n, 1024, bytes);
    else if (len > 8 && strcmp(key + len - 8, "_seconds") == 0)
        add_scaled(out, n, 60, times);
    else
        str_addf(out, "%.*g", fabs(n) >= 1e6 ? 15 : 6, n);
}

/* Facts come out of the store, where another program may have put anything. */
static void add_shown(struct str *out, const char *text, size_t n) {
    text_add_printable(out, text, n, TEXT_MAX);
}

static void add_scalar(struct str *out, const char *key, const json_t *value) {
    if (json_is_string(value))
        add_shown(out, json_string_value(value), json_string_length(value));
    else if (json_is_number(value))
        add_quantity(out, key, json_number_value(value));
    else
        str_add(out, json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
}

/* The key without its unit, where the value is shown with one. */
static size_t shown_length(const char *key) {
    static const char *const units[] = {"_bytes", "_seconds"};
    size_t len = strlen(key);
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (len > strlen(units[i]) && strcmp(key + len - strlen(units[i]), units[i]) == 0)
            return len - strlen(units[i]);
    return len;
}

static void add_key(struct str *out, const char *key) {
    add_shown(out, key, shown_length(key));
}

static void add_line_key(struct str *out, int indent, const char *key) {
    cleanup(str_done) struct str shown = {0};
    add_key(&shown, key);
    out->failed |= shown.failed;
    str_addf(out, "%*s%-*s ", indent, "", KEY_WIDTH - indent, shown.data ? shown.data : "");
}

/* A line with nothing but the key, before what is in it. */
static void add_title(struct str *out, int indent, const char *key) {
    str_addf(out, "%*s", indent, "");
    add_shown(out, key, strlen(key));
    str_add_char(out, '\n');
}

/* An object on one line: `min 1200, mean 1250, max 1300`. Deeper ones are not met. */
static void add_inline(struct str *out, json_t *object) {
    const char *key, *before = "";
    json_t *value;
    json_object_foreach(object, key, value) {
        if (json_is_null(value) || json_is_object(value) || json_is_array(value))
            continue;
        str_add(out, before);
        add_key(out, key);
        str_add_char(out, ' ');
        add_scalar(out, key, value);
        before = ", ";
    }
}

static void add_list(struct str *out, int indent, const char *key, json_t *list) {
    size_t i;
    json_t *item;
    if (json_array_size(list) == 0) {
        add_line_key(out, indent, key);
        str_add(out, "none\n");
        return;
    }
    add_title(out, indent, key);
    json_array_foreach(list, i, item) {
        str_addf(out, "%*s", indent + 2, "");
        if (json_is_object(item))
            add_inline(out, item);
        else
            add_scalar(out, "", item);
        str_add_char(out, '\n');
    }
}

static bool is_flat(json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) if (!json_is_number(value)) return false;
    return true;
}

static void add_object(struct str *out, int indent, json_t *object) {
    const char *key, *before = "not known: ";
    json_t *value;
    json_object_foreach(object, key, value) {
        if (json_is_null(value))
            continue;
        if (json_is_array(value)) {
            add_list(out, indent, key, value);
        } else if (json_is_object(value) && !is_flat(value)) {
            add_title(out, indent, key);
            if (indent < KEY_WIDTH / 2)
                add_object(out, indent + 2, value);
        } else {
            add_line_key(out, indent, key);
            if (json_is_object(value))
                add_inline(out, value);
            else
                add_scalar(out, key, value);
            str_add_char(out, '\n');
        }
    }
    json_object_foreach(object, key, value) {
        if (!json_is_null(value))
            continue;
        str_addf(out, "%*s%s", *before == 'n' ? indent : 0, "", before);
        add_shown(out, key, strlen(key));
        before = ", ";
    }
    if (*before == ',')
        str_add_char(out, '\n');
}

/* The object that is in `text`, if it is one. */
static void add_json(struct str *out, int indent, const char *title, const char *text) {
    struct error why = {.kind = ERROR_NONE};
    json_t *object = text ? jsontext_read(text, &why) : NULL;
    out->failed |= why.kind == ERROR_INTERNAL;
    if (json_is_object(object) && json_object_size(object) > 0) {
        add_title(out, indent, title);
        add_object(out, indent + 2, object);
    }
    json_decref(object);
}

/* The sentences in the array that is in `text`, one a line. */
static void add_sentences(struct str *out, const char *title, const char *text) {
    struct error why = {.kind = ERROR_NONE};
    json_t *list = text ? jsontext_read(text, &why) : NULL, *item;
    size_t i;
    out->failed |= why.kind == ERROR_INTERNAL;
    json_array_foreach(list, i, item) {
        json_t *detail = json_object_get(item, "detail");
        if (!json_is_string(detail))
            continue;
        const char *finding = json_string_value(json_object_get(item, "finding"));
        add_line_key(out, 2, title);
        if (finding && strcmp(finding, "drift") == 0)
            str_add(out, "slower than itself: ");
        add_scalar(out, "", detail);
        str_add_char(out, '\n');
    }
    json_decref(list);
}

static void add_verdict(struct str *out, enum verdict verdict, enum reason reason) {
    str_add(out, verdict_name(verdict));
    if (reason != REASON_NONE)
        str_addf(out, ", %s", reason_name(reason));
}

/* `trials 4910, 4930, 4990; spread 0.8 %` */
static void add_trials(struct str *out, const double *trials, size_t n, double value,
                       double spread) {
    str_add(out, "trials ");
    for (size_t i = 0; i < n; i++)
        str_addf(out, "%s%.6g", i > 0 ? ", " : "", trials[i]);
    if (isfinite(spread) && value != 0)
        str_addf(out, "; spread %.2g %%", 100 * spread / fabs(value));
}

/* `reference 412, baseline RUN`; `reference none; the baseline is ...`. */
static void add_reference(struct str *out, const struct benchmark_result *b) {
    str_add(out, "reference ");
    if (isfinite(b->reference))
        str_addf(out, "%.6g%s", b->reference, b->reference_source ? ", " : "");
    if (b->reference_source)
        str_add(out, b->reference_source);
}

/* Of one trial the value says it all. */
static void add_metric(struct str *out, const struct benchmark_result *b, const struct metric *m) {
    bool judged = b->metric && strcmp(m->name, b->metric) == 0;
    bool reference = judged && (isfinite(b->reference) || b->reference_source);
    bool trials = (judged ? b->trial_count : m->trial_count) > 1;
    add_line_key(out, 2, m->name);
    str_addf(out, "%.6g%s%s", m->value, *m->unit ? " " : "", m->unit);
    if (reference || trials)
        str_add(out, " (");
    if (reference)
        add_reference(out, b);
    if (reference && trials)
        str_add(out, "; ");
    if (trials && judged)
        add_trials(out, b->trials, b->trial_count, b->value, b->spread);
    else if (trials)
        add_trials(out, m->trials, m->trial_count, m->value, m->spread);
    str_add(out, reference || trials ? ")\n" : "\n");
}

/*
 * What was found on a benchmark when the run was judged as a whole, in the summary's words: its own
 * verdict is by its threshold, and stays.
 */
static void add_findings(struct str *out, const struct benchmark_result *b, json_t *findings) {
    static const struct {
        const char *finding, *words;
    } kinds[] = {{"outlier", "outlier by its peers"},
                 {"missing-metric", "missing what its peers have"},
                 {"drift", "slower than itself"}};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t i;
        json_t *item;
        json_array_foreach(findings, i, item) {
            const char *what = json_string_value(json_object_get(item, "finding"));
            const char *of = json_string_value(json_object_get(item, "benchmark"));
            if (!what || strcmp(what, kinds[k].finding) != 0 || !of ||
                strcmp(of, b->benchmark) != 0)
                continue;
            str_addf(out, ", %s", kinds[k].words);
            break;
        }
    }
}

static void add_benchmark(struct str *out, const struct benchmark_result *b, json_t *findings) {
    str_addf(out, "\n%s  ", b->benchmark);
    add_verdict(out, b->verdict, b->reason);
    add_findings(out, b, findings);
    if (isfinite(b->score))
        str_addf(out, ", score %.4g, threshold %.4g", b->score, b->threshold);
    str_addf(out, ", %.1f s\n", b->seconds);
    if (b->detail)
        str_addf(out, "  %s\n", b->detail);
    for (size_t i = 0; i < b->metric_count; i++)
        add_metric(out, b, &b->metrics[i]);
    if (b->conditions) {
        add_line_key(out, 2, "conditions");
        str_addf(out, "%s\n", b->conditions);
    }
    add_json(out, 2, "sensors", b->sensors);
}

static void add_attempt(struct str *out, const struct server_result *r) {
    add_verdict(out, r->verdict, r->reason);
    if (r->detail)
        str_addf(out, ": %s", r->detail);
    str_addf(out, "\n  %d %s, %.1f s\n", r->attempts, r->attempts == 1 ? "attempt" : "attempts",
             r->seconds);
    if (r->kind) {
        add_line_key(out, 2, "kind");
        add_shown(out, r->kind, strlen(r->kind));
        str_add_char(out, '\n');
    }
    if (r->labels) {
        add_line_key(out, 2, "labels");
        labels_add_words(out, r->labels);
        str_add_char(out, '\n');
    }
    add_sentences(out, "found", r->findings);
    add_sentences(out, "different", r->why);
    struct error why = {.kind = ERROR_NONE};
    json_t *findings = r->findings ? jsontext_read(r->findings, &why) : NULL;
    out->failed |= why.kind == ERROR_INTERNAL;
    for (size_t i = 0; i < r->benchmark_count; i++)
        add_benchmark(out, &r->benchmarks[i], findings);
    json_decref(findings);
}

void detail_add(struct str *out, const char *server, const struct server_result *r) {
    str_addf(out, "%s  ", server);
    add_attempt(out, r);
    if (r->facts) {
        str_add_char(out, '\n');
        add_json(out, 0, "facts", r->facts);
    }
    for (size_t i = 0; i < r->earlier_count; i++) {
        str_addf(out, "\n%s, earlier (%zu of %zu)  ", server, i + 1, r->earlier_count);
        add_attempt(out, &r->earlier[i]);
    }
}
