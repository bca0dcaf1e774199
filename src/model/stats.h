/*
 * stats: the arithmetic of judging: medians and how sure they are, centres and scales that a few
 * wild values cannot move, groups, steps and shifts.
 *
 * Values are finite: of others the results mean nothing, but nothing crashes. `sorted` is
 * ascending. Of finite values medians, quantiles and spreads are finite, however large they are.
 * Functions that sort a copy give NAN where there is no memory for it (never for up to 32 values).
 * All are pure.
 *
 * Sources, named below by their authors:
 *
 *   Hyndman & Fan 1996, Sample quantiles in statistical packages, American Statistician 50:361-365.
 *   Conover 1999, Practical nonparametric statistics, 3rd ed., 3.2: intervals of quantiles.
 *   Rousseeuw & Croux 1993, Alternatives to the median absolute deviation, JASA 88:1273-1283.
 *   Iglewicz & Hoaglin 1993, How to detect and handle outliers, ASQC 16, chapter 3.
 *   Hartigan & Hartigan 1985, The dip test of unimodality, Annals of Statistics 13:70-84.
 *   Ashman, Bird & Zepf 1994, Detecting bimodality in astronomical datasets, AJ 108:2348-2361.
 *   Worsley 1979, On the likelihood ratio test for a shift in location of normal populations,
 *     JASA 74:365-367.
 *   Hodges & Lehmann 1963, Estimates of location based on rank tests, AMS 34:598-611, and Moses in
 *     Hollander & Wolfe 1999, Nonparametric statistical methods, 2nd ed., 4.2-4.3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Sorts n values, ascending. */
void stats_sort(double *values, size_t n);

/* The median of n values (the mean of the middle two when n is even); NAN when n is 0. */
double stats_median(const double *values, size_t n);

/*
 * The quantile p in [0, 1], between the two values next to place (n - 1) p: Hyndman and Fan's
 * type 7, which R and NumPy use. NAN when n is 0.
 */
double stats_quantile(const double *sorted, size_t n, double p);

/* The median absolute deviation from `centre`; NAN when n is 0. */
double stats_mad(const double *values, size_t n, double centre);

/* The same times 1.4826: of a normal distribution, its standard deviation (Rousseeuw and Croux). */
double stats_scaled_mad(const double *values, size_t n, double centre);

/* An interval, and the probability with which such a one holds what it is an interval of. */
struct stats_interval {
    double low, high;
    double coverage;
};

/*
 * The narrowest interval between the k-th smallest and the k-th largest value that holds the median
 * with at least `confidence` (0.95, say), whatever the distribution: the number of values below the
 * median is binomial (Conover). False, and *ret untouched, when n is too small for that: 95 % needs
 * 6 values.
 */
bool stats_median_interval(const double *values, size_t n, double confidence,
                           struct stats_interval *ret);

/* The same of values that are sorted already; it needs no memory. */
bool stats_sorted_interval(const double *sorted, size_t n, double confidence,
                           struct stats_interval *ret);

/*
 * How far the median may be off: half the width of its 95 % interval, or half the distance between
 * the smallest and the largest value where there are too few for one. NAN when n is below 2.
 */
double stats_spread(const double *values, size_t n);

/* Centre and scale of values among which some are wild. */
struct stats_centre {
    double median;
    double scale; /* in place of the standard deviation; 0: all values are equal */
};

/*
 * The median, and the scaled MAD; where that is 0, because more than half of the values are equal,
 * 1.2533 times the mean absolute deviation from the median (Iglewicz and Hoaglin, who cite it for
 * this case), which is 0 only where all are. Both NAN when n is 0.
 */
struct stats_centre stats_centre(const double *values, size_t n);

/*
 * The robust z-score 0.6745 (x - median) / MAD of Iglewicz and Hoaglin, who take values beyond 3.5
 * for outliers. Of a scale of 0: 0 for the median itself, or else an infinity of the sign.
 */
double stats_robust_z(double x, const struct stats_centre *c);

/*
 * The dip of Hartigan and Hartigan: how far the distribution of the values is from the nearest one
 * that has a single mode; between 1 / 2n and 1/4. `scratch` has room for 2 n numbers. NAN when n is
 * 0.
 */
double stats_dip(const double *sorted, size_t n, size_t *scratch);

/* Two groups of values. */
struct stats_split {
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
bool stats_split(const double *sorted, size_t n, size_t least, size_t *scratch,
                 struct stats_split *ret);

/* Where a series changed its level. */
struct stats_step {
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
bool stats_step(const double *values, size_t n, size_t least, struct stats_step *ret);

/* P(|T| >= |t|) of Student's t with df degrees of freedom. */
double stats_student_p(double t, double df);

/*
 * By how much the values of b lie above those of a: the median of all differences (Hodges and
 * Lehmann), and, in *ret, its interval (Moses), from the exact distribution of the Mann-Whitney
 * statistic where na * nb is at most 400 and from its normal approximation above. Of logarithms it
 * is the logarithm of a ratio. Where the two are too few for `confidence`, ret->coverage is 0 and
 * the interval spans all differences. NAN when one is empty.
 */
double stats_shift(const double *a_sorted, size_t na, const double *b_sorted, size_t nb,
                   double confidence, struct stats_interval *ret);
