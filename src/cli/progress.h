/*
 * progress: how far a run is, for whoever looks: on a terminal a block below the log's lines, else
 * a line of the log every 30 s.
 */
#pragma once

#include "cli/runoptions.h"
#include "live/board.h"
#include "sync/cancel.h"
#include "sync/footer.h"

#define PROGRESS_PERIOD (INT64_C(30) * 1000000000) /* between two lines of the log */

struct progress {
    struct board *board;
    const struct cancel *cancel; /* borrowed: a run that is ending says so */
    bool shown;                  /* as a block */
    bool colour;
};

/* For a plan of so many benchmarks. Fails with ERROR_INTERNAL. */
int progress_init(struct progress *p, const struct run_output *o, size_t benchmarks,
                  const struct cancel *cancel, struct error *err) must_use;

/* After the log is closed. */
void progress_done(struct progress *p);

/* What the log is told to draw; for as long as it is open. */
struct footer_drawing progress_drawing(struct progress *p);

/* How often the log says how far the run is; 0: it does not. */
int64_t progress_period(const struct progress *p);
