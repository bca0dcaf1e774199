/*
 * shift: where a series changed its level, and by how much one sample lies above another. What
 * model/stats.h says of values holds here too; all is pure.
 *
 * Sources, named below by their authors:
 *
 *   Worsley 1979, On the likelihood ratio test for a shift in location of normal populations,
 *     JASA 74:365-367.
 *   Hodges & Lehmann 1963, Estimates of location based on rank tests, AMS 34:598-611, and Moses in
 *     Hollander & Wolfe 1999, Nonparametric statistical methods, 2nd ed., 4.2-4.3.
 */
#pragma once

#include "model/stats.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a series changed its level. */
struct shift_step {
    size_t first;         /* value of the new level */
    double before, after; /* medians of the two parts */
    double p;             /* how probable such a step is at most where nothing changed */
};

/*
 * The most likely place of one step in n values in the order of time, with at least `least` (1 or
 * more) on both sides of it: Worsley's test, the largest t statistic of all places. Its p is that
 * of Student's t times the number of places (Bonferroni's bound, as Worsley proposes for few
 * values): with 3 and 5 values a step of five times the noise has p = 0.01. False when n is below 2
 * `least` or 3, or all values are equal.
 */
bool shift_step(const double *values, size_t n, size_t least, struct shift_step *ret);

/*
 * By how much the values of b lie above those of a: the median of all differences (Hodges and
 * Lehmann), and, in *ret, its interval (Moses), from the exact distribution of the Mann-Whitney
 * statistic where na * nb is at most 400 and from its normal approximation above. Of logarithms it
 * is the logarithm of a ratio. Where the two are too few for `confidence`, ret->coverage is 0 and
 * the interval spans all differences. NAN when one is empty.
 */
double shift_between(const double *a_sorted, size_t na, const double *b_sorted, size_t nb,
                     double confidence, struct stats_interval *ret);
