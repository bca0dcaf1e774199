/* baselinelist: see baselinelist.h. */
#include "report/baselinelist.h"

#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT 32

/* Before the first of each kind. */
static void add_kind(struct str *out, const char **kind, const struct baseline *b) {
    if (*kind && strcmp(*kind, b->kind) == 0)
        return;
    str_addf(out, "%s%s\n", *kind ? "\n" : "", b->kind);
    *kind = b->kind;
}

static void format_value(const struct baseline *b, char out[2 * NUMBER_TEXT]) {
    if (isnan(b->median))
        snprintf(out, 2 * NUMBER_TEXT, "cannot be read");
    else
        snprintf(out, 2 * NUMBER_TEXT, "%.*g%s%.30s", fabs(b->median) >= 1e6 ? 12 : 6, b->median,
                 *b->unit ? " " : "", b->unit);
}

void baselinelist_add(struct str *out, const struct baselines *list) {
    const char *kind = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct baseline *b = &list->items[i];
        char value[2 * NUMBER_TEXT], noise[NUMBER_TEXT] = "-";
        format_value(b, value);
        if (isfinite(b->median) && b->median != 0)
            snprintf(noise, sizeof(noise), "%.2g %%", 100 * b->scale / fabs(b->median));
        add_kind(out, &kind, b);
        if (i == 0)
            str_addf(out, "  %-14s %-24s %20s %10s %8s  %s\n", "benchmark", "metric", "median",
                     "scale", "servers", "run");
        str_addf(out, "  %-14s %-24s %20s %10s %8d  %s\n", b->benchmark, b->metric, value, noise,
                 b->count, b->run ? b->run : "-");
    }
}

static void add_field(struct str *out, const char *key, const char *value) {
    str_addf(out, "\"%s\":", key);
    if (value)
        text_add_json(out, value, strlen(value));
    else
        str_add(out, "null");
    str_add_char(out, ',');
}

void baselinelist_add_json(struct str *out, const struct baselines *list) {
    for (size_t i = 0; i < list->count; i++) {
        const struct baseline *b = &list->items[i];
        char taken[25];
        clock_format_utc(b->taken, taken);
        str_add(out, i ? ",\n{" : "[\n{");
        add_field(out, "kind", b->kind);
        add_field(out, "benchmark", b->benchmark);
        add_field(out, "metric", b->metric);
        add_field(out, "unit", b->unit);
        add_field(out, "better", b->lower_is_better ? "lower" : "higher");
        add_field(out, "run", b->run);
        add_field(out, "taken", b->taken ? taken : NULL);
        str_addf(out, "\"median\":%.15g,\"scale\":%.15g,\"count\":%d}", b->median, b->scale,
                 b->count);
    }
    str_add(out, list->count ? "\n]\n" : "[]\n");
}

static void add_change(struct str *out, const struct baseline *older,
                       const struct baseline *newer) {
    char from[2 * NUMBER_TEXT], to[2 * NUMBER_TEXT];
    format_value(newer, to);
    str_addf(out, "  %-14s %-24s ", newer->benchmark, newer->metric);
    if (!older) {
        str_addf(out, "new: %s (%d servers)\n", to, newer->count);
        return;
    }
    format_value(older, from);
    str_addf(out, "%s (%d servers) -> %s (%d servers)", from, older->count, to, newer->count);
    if (isfinite(older->median) && older->median != 0 && strcmp(older->unit, newer->unit) == 0)
        str_addf(out, ", %+.2g %%", 100 * (newer->median - older->median) / fabs(older->median));
    if (older->lower_is_better != newer->lower_is_better)
        str_addf(out, ", %s is better now", newer->lower_is_better ? "lower" : "higher");
    str_add_char(out, '\n');
}

struct baseline_difference baselinelist_add_difference(struct str *out,
                                                       const struct baselines *older,
                                                       const struct baselines *newer) {
    struct baseline_difference all = {0};
    const char *kind = NULL;
    for (size_t i = 0; i < newer->count; i++) {
        const struct baseline *b = &newer->items[i];
        const struct baseline *was = baselines_find(older, b->kind, NULL, b->benchmark, b->metric);
        if (was && baseline_same(was, b)) {
            all.same++;
            continue;
        }
        all.added += !was;
        all.changed += was != NULL;
        add_kind(out, &kind, b);
        add_change(out, was, b);
    }
    return all;
}
