/*
 * stats: medians and how sure they are, and centres and scales that a few wild values cannot move.
 * model/modes.h has groups, model/shift.h steps and differences.
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
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Sorts n values, ascending. */
void stats_sort(double *values, size_t n);

/* The median of n values (the mean of the middle two when n is even); NAN when n is 0. */
double stats_median(const double *values, size_t n);

/* Half the sum of two, which is finite also where their sum is too large for a double. */
double stats_half_sum(double a, double b);

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
 * this case), which is 0 only where all are. One wild value makes that mean as large as it likes,
 * and hides the others (masking: Rosner, "Percentage points for a generalized ESD many-outlier
 * procedure", Technometrics 25, 1983): values beyond 3.5 are left out of it, again and again, as
 * long as some deviation remains. Both NAN when n is 0.
 */
struct stats_centre stats_centre(const double *values, size_t n);

/*
 * The robust z-score 0.6745 (x - median) / MAD of Iglewicz and Hoaglin, who take values beyond 3.5
 * for outliers. Of a scale of 0: 0 for the median itself, or else an infinity of the sign.
 */
double stats_robust_z(double x, const struct stats_centre *c);
