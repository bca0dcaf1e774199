/*
 * comparison: what changed between two runs, as `muster compare` tells it.
 */
#pragma once

#include "base/str.h"
#include "model/run.h"
#include "policy/compare.h"

#include <stdio.h>

/* Two runs, the earlier one first, and what was made of them. */
struct compared_runs {
    const struct run *runs; /* two */
    const struct cohort *before, *after;
    const struct comparison *comparison;
    double percent; /* from which on a change counts */
};

/* Appends a table of the metrics of each kind, the servers that moved, and whose verdict changed.
 */
void comparison_add(struct str *out, const struct compared_runs *r);

/* Prints one JSON document. Fails with ERROR_INTERNAL. */
int comparison_print_json(FILE *out, const struct compared_runs *r, struct error *err) must_use;
