/*
 * baselinefile: see baselinefile.h.
 *
 * The file is read by the same readers as muster.yaml. Names (of kinds, benchmarks, metrics) are
 * keys, which are texts whatever they look like; they and all other texts are written in quotes,
 * but for names that no reader of YAML could take for anything else.
 */
#include "input/baselinefile.h"

#include "base/clock.h"
#include "base/text.h"
#include "input/configkeys.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1
#define MISTAKES_MAX 100
#define NUMBER_MAX 1e300

/* ---- writing ---- */

/* Words of letters, digits and what joins them, such as `EPYC 9654 x2 192c 768G`. */
static bool is_plain(const char *name) {
    static const char *const meant_otherwise[] = {"null", "true", "false", "yes", "no",
                                                  "on",   "off",  "y",     "n"};
    size_t n = strlen(name);
    if (n == 0 || !isalpha((unsigned char)name[0]) || name[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr(" _-./+()", name[i]))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(meant_otherwise); i++)
        if (strcasecmp(name, meant_otherwise[i]) == 0)
            return false;
    return true;
}

/*
 * A key and its colon. YAML has a key on a line of its value end within 1,024 characters, and an
 * escape is six at most.
 */
static void add_name(struct str *out, int indent, const char *name) {
    bool is_long = strlen(name) > 128;
    str_addf(out, "%*s%s", indent, "", is_long ? "? " : "");
    if (is_plain(name))
        str_add(out, name);
    else
        text_add_json(out, name, strlen(name));
    if (is_long)
        str_addf(out, "\n%*s", indent, "");
    str_add(out, ":\n");
}

/* As short as reads back the same. */
static void add_number(struct str *out, double x) {
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    str_add(out, text);
}

static void add_text(struct str *out, const char *key, const char *value) {
    str_addf(out, "        %s: ", key);
    text_add_json(out, value, strlen(value));
    str_add_char(out, '\n');
}

static void add_baseline(struct str *out, const struct baseline *b) {
    add_name(out, 6, b->metric);
    str_add(out, "        median: ");
    add_number(out, b->median);
    str_add_char(out, '\n');
    if (*b->unit)
        add_text(out, "unit", b->unit);
    str_addf(out, "        better: %s\n        scale: ", b->lower_is_better ? "lower" : "higher");
    add_number(out, b->scale);
    str_addf(out, "\n        count: %d\n", b->count);
    if (b->run)
        add_text(out, "run", b->run);
    if (b->taken > 0) {
        char taken[25];
        clock_format_utc(b->taken, taken);
        add_text(out, "taken", taken);
    }
}

void baselinefile_write(const struct baselines *list, struct str *out) {
    str_addf(out,
             "# What metrics are on healthy servers of each kind, for `muster baseline import`.\n"
             "version: %d\nkinds:%s\n",
             VERSION, list->count ? "" : " {}");
    for (size_t i = 0; i < list->count; i++) {
        const struct baseline *b = &list->items[i], *before = i ? b - 1 : NULL;
        bool new_kind = !before || strcmp(before->kind, b->kind) != 0;
        if (new_kind)
            add_name(out, 2, b->kind);
        if (new_kind || strcmp(before->benchmark, b->benchmark) != 0)
            add_name(out, 4, b->benchmark);
        add_baseline(out, b);
    }
}

/* ---- reading ---- */

static void read_better(struct reader *r, const struct key *key, const struct yaml_node *value,
                        void *into) {
    if (value->kind == YAML_TEXT &&
        (strcmp(value->text, "higher") == 0 || strcmp(value->text, "lower") == 0))
        *(bool *)into = strcmp(value->text, "lower") == 0;
    else
        keys_expected(r, key->name, "higher or lower", value);
}

static bool parse_time(const char *text, int64_t *ret) {
    struct tm tm = {0};
    unsigned ms = 0;
    int used = 0;
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end && sscanf(end, ".%3u%n", &ms, &used) == 1 && used == 4)
        end += used;
    int64_t seconds = end && strcmp(end, "Z") == 0 ? timegm(&tm) : 0;
    if (seconds <= 0 || seconds >= INT64_MAX / CLOCK_S)
        return false;
    *ret = seconds * CLOCK_S + ms * CLOCK_MS;
    return true;
}

static void read_taken(struct reader *r, const struct key *key, const struct yaml_node *value,
                       void *into) {
    int64_t taken;
    if (value->kind == YAML_TEXT && parse_time(value->text, &taken))
        *(int64_t *)into = taken;
    else
        keys_expected(r, key->name, "a time such as 2026-11-22T11:13:44Z", value);
}

#define AT(field) offsetof(struct baseline, field)

static const struct key metric_keys[] = {
    {"median", key_number, AT(median), -NUMBER_MAX, NUMBER_MAX},
    {"unit", key_line, AT(unit), 0, 0},
    {"better", read_better, AT(lower_is_better), 0, 0},
    {"scale", key_number, AT(scale), 0, NUMBER_MAX},
    {"count", key_int, AT(count), 1, INT_MAX},
    {"run", key_line, AT(run), 0, 0},
    {"taken", read_taken, AT(taken), 0, 0},
    {NULL, NULL, 0, 0, 0}};

#undef AT

/* Whether the key can name something that people are shown. */
static bool is_name(struct reader *r, const char *of, const struct yaml_node *key) {
    size_t n = strlen(key->text);
    if (n > 0 && text_is_printable(key->text, n))
        return true;
    mistakes_add(&r->mistakes, key->line, key->column,
                 "the name of a %s is a text in one line that is not empty", of);
    return false;
}

static bool has_all(struct reader *r, const struct yaml_node *metric,
                    const struct yaml_node *node) {
    static const char *const needed[] = {"median", "scale", "count"};
    cleanup(str_done) struct str room = {0};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (keys_value(node, needed[i]))
            continue;
        mistakes_add(&r->mistakes, metric->line, metric->column,
                     "%s: a baseline needs a median, a scale and a count, and has no %s",
                     keys_shown(metric->text, &room), needed[i]);
        return false;
    }
    return true;
}

static void read_metric(struct reader *r, const char *kind, const char *benchmark,
                        const struct yaml_node *metric, const struct yaml_node *node,
                        struct baselines *to) {
    struct baseline b = {0};
    struct error ignored;
    size_t before = r->mistakes.count;
    if (!is_name(r, "metric", metric))
        return;
    keys_set_text(r, &b.kind, kind);
    keys_set_text(r, &b.benchmark, benchmark);
    keys_set_text(r, &b.metric, metric->text);
    keys_read(r, metric->text, metric_keys, node, &b);
    if (r->mistakes.count == before)
        (void)has_all(r, metric, node);
    if (!b.unit)
        keys_set_text(r, &b.unit, "");
    if (!r->no_memory && r->mistakes.count == before && baselines_put(to, &b, &ignored) < 0)
        r->no_memory = true;
    baseline_done(&b);
}

static void read_kind(struct reader *r, const struct yaml_node *kind, const struct yaml_node *node,
                      struct baselines *to) {
    if (!is_name(r, "kind", kind) || !keys_is_mapping(r, kind->text, node))
        return;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *benchmark = node->keys[i], *metrics = node->items[i];
        if (!is_name(r, "benchmark", benchmark) || !keys_is_mapping(r, benchmark->text, metrics))
            continue;
        for (size_t j = 0; j < metrics->count; j++)
            read_metric(r, kind->text, benchmark->text, metrics->keys[j], metrics->items[j], to);
    }
}

static void read_kinds(struct reader *r, const struct key *key, const struct yaml_node *value,
                       void *into) {
    if (!keys_is_mapping(r, key->name, value))
        return;
    for (size_t i = 0; i < value->count; i++)
        read_kind(r, value->keys[i], value->items[i], into);
}

/* What another version says may mean something else: not even its mistakes are to be trusted. */
static void read_version(struct reader *r, const struct key *key, const struct yaml_node *value,
                         void *into) {
    (void)into;
    if (value->kind != YAML_NUMBER || value->number != VERSION)
        keys_expected(r, key->name, "1, which is all that this muster knows", value);
}

static const struct key top_keys[] = {
    {"version", read_version, 0, 0, 0}, {"kinds", read_kinds, 0, 0, 0}, {NULL, NULL, 0, 0, 0}};

static void read_all(struct reader *r, const struct yaml_node *root, struct baselines *to) {
    const struct yaml_node *version = keys_value(root, "version");
    if (version)
        read_version(r, &top_keys[0], version, NULL);
    else
        mistakes_add(&r->mistakes, root->line, root->column,
                     "a file of baselines begins with `version: %d`", VERSION);
    if (r->mistakes.count > 0)
        return;
    keys_read(r, "the file", top_keys, root, to);
    if (r->mistakes.count == 0 && !keys_value(root, "kinds"))
        mistakes_add(&r->mistakes, root->line, root->column, "there are no kinds in it");
}

int baselinefile_read(const char *name, const char *text, size_t n, struct baselines *ret,
                      struct str *mistakes, struct error *err) {
    cleanup(baselines_done) struct baselines all = {0};
    struct reader r = {0};
    struct yaml tree = {0};
    struct error why;
    int rc = yaml_read(text, n, &tree, &r.mistakes, &why);
    if (rc == 0)
        read_all(&r, tree.root, &all);
    yaml_done(&tree);
    bool failed = r.no_memory || r.mistakes.failed || (rc < 0 && why.kind != ERROR_USAGE);
    size_t count = mistakes_print(&r.mistakes, name, MISTAKES_MAX, mistakes);
    mistakes_done(&r.mistakes);
    if (failed || mistakes->failed)
        return error_memory(err);
    if (count > 0)
        return error_set(err, ERROR_USAGE, "%zu mistake%s in %s", count, count > 1 ? "s" : "",
                         name);
    *ret = all;
    all = (struct baselines){0};
    return 0;
}
