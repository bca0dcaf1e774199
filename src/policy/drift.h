/*
 * drift: whether a server is slower than it used to be.
 *
 * A pure function of the values of one metric over the runs of one server, the oldest first. The
 * series is cut into levels by binary segmentation (Scott and Knott, "A cluster analysis method for
 * grouping means in the analysis of variance", Biometrics 30, 1974): it is cut where Worsley's test
 * (shift_step() in model/shift.h) has the likeliest step, with DRIFT_LEAST values on both sides,
 * and its parts are searched in turn. A cut is kept when the levels on both sides of it show the
 * step, without the rest of the series, with a p of DRIFT_P at most. One bad run is no level, nor
 * are two.
 *
 * The server has drifted when its level now is DRIFT_PERCENT worse than a level before: the latest
 * such one is what it is compared with, and since its end it has not been back there. A level that
 * is not positive has no percentage, and is compared with nothing.
 */
#pragma once

#include "base/str.h"
#include "model/history.h"

#include <stdbool.h>
#include <stddef.h>

#define DRIFT_LEAST 3
#define DRIFT_PERCENT 3
#define DRIFT_P 0.001

struct drift {
    size_t first;         /* value that is below the old level */
    double before, after; /* medians of the old level, and of the one now */
    double percent;       /* negative: that much worse, whichever way is better */
    double p;             /* of the step away from the old level */
};

/* Values that are not finite are allowed to a caller that has none to drop: there is no drift then.
 */
bool drift_find(const double *values, size_t n, bool lower_is_better, struct drift *ret);

/* Writes the day in local time of the first value's run below the old level, 2026-10-02. */
#define DRIFT_DAY_SIZE 11
void drift_day(const struct history_series *series, const struct drift *d,
               char out[DRIFT_DAY_SIZE]);

/* Appends `-12 % since 2026-10-02`. */
void drift_add(struct str *out, double percent, const char *day);
