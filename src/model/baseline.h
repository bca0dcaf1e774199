/*
 * baseline: what a metric is on a healthy server of a kind, as learned from a run. Plain data.
 *
 * A baseline is known by its kind, benchmark and metric; among baselines each stands once, in the
 * order of these three. Any thread, as long as nobody changes them.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct baseline {
    char *kind;
    char *benchmark;
    char *metric;
    char *unit; /* empty: it has none */
    bool lower_is_better;
    double median;
    double scale;  /* 1.4826 x the median absolute deviation; 0: all the same */
    int count;     /* servers that it was learned from, 1 or more */
    char *run;     /* that it was learned from; NULL: not known */
    int64_t taken; /* wall clock, whole ms in ns; 0: not known */
};

struct baselines {
    struct baseline *items;
    size_t count;
    size_t cap;
};

void baseline_done(struct baseline *b);
void baselines_done(struct baselines *list);

/*
 * Puts a copy of *b into its place, instead of one of the same kind, benchmark and metric. Adding
 * in order is fast. Fails with ERROR_INTERNAL; then nothing has changed.
 */
int baselines_put(struct baselines *list, const struct baseline *b, struct error *err) must_use;

/*
 * Finds that of a kind or, where kinds are told apart by a disk (NULL: they are not), of both.
 * NULL: there is none.
 */
const struct baseline *baselines_find(const struct baselines *list, const char *kind,
                                      const char *disk, const char *benchmark, const char *metric);

/* How a kind of servers with this disk is called: `KIND, DISK`. The caller frees it; NULL when
 * memory ran out. */
char *baseline_kind(const char *kind, const char *disk) must_use;

/* Whether the two say the same of the metric, wherever they come from. */
bool baseline_same(const struct baseline *a, const struct baseline *b);
