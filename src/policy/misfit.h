/*
 * misfit: baselines that servers had and that could not score them, told once for the run.
 *
 * judge_benchmark() passes over a baseline in another unit, say, and the value itself becomes the
 * score: most are far above any threshold, and the server passes. Who edited a baseline wrongly, or
 * set a threshold that takes none, is to see that in the summary. Pure; owns its texts.
 */
#pragma once

#include "model/result.h"
#include "policy/finding.h"

struct misfit {
    char *benchmark, *metric;
    char *why; /* "the baseline is in 'GB/s', not 'MB/s'" */
    size_t servers;
};

struct misfits {
    struct misfit *items;
    size_t count, cap;
};

void misfits_done(struct misfits *m);

/* Counts the baselines that were passed over for a server. Fails with ERROR_INTERNAL. */
int misfits_take(struct misfits *m, const struct server_result *r, struct error *err) must_use;

/* Adds a note for each benchmark and cause, most servers first. Fails with ERROR_INTERNAL. */
int misfits_tell(struct misfits *m, struct findings *into, struct error *err) must_use;
