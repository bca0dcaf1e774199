/*
 * modes: whether values are one group or two, as two versions of a firmware make them. What
 * model/stats.h says of values holds here too; all is pure.
 *
 * Sources, named below by their authors:
 *
 *   Hartigan & Hartigan 1985, The dip test of unimodality, Annals of Statistics 13:70-84.
 *   Ashman, Bird & Zepf 1994, Detecting bimodality in astronomical datasets, AJ 108:2348-2361.
 */
#pragma once

#include "model/stats.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The dip of Hartigan and Hartigan: how far the distribution of the values is from the nearest one
 * that has a single mode; between 1 / 2n and 1/4. `scratch` has room for 2 n numbers. NAN when n is
 * 0.
 */
double modes_dip(const double *sorted, size_t n, size_t *scratch);

/* Two groups of values. */
struct modes_split {
    size_t first; /* of the upper group: the lower one are the values before */
    struct stats_centre lower, upper;
    double separation; /* Ashman's D, with the groups' robust scales; may be infinite */
};

/*
 * Whether the values have two modes, each with at least `least` (1 or more) of them.
 *
 * They do when the dip is larger than it is of 999 in 1,000 samples of a uniform distribution, the
 * worst that has one mode, and the best cut in two (the least sum of absolute deviations from the
 * groups' medians) leaves groups whose D = sqrt(2) |difference of centres| / sqrt(sum of squared
 * scales) is above 3. Ashman, Bird and Zepf ask for 2, of a mixture that was fitted; halves of one
 * normal distribution have 2.3, of a uniform one 2.7. `scratch` as for the dip.
 */
bool modes_split(const double *sorted, size_t n, size_t least, size_t *scratch,
                 struct modes_split *ret);
