/*
 * stats: arithmetic on trials. Of finite values the results are finite, however large they are.
 */
#pragma once

#include <stddef.h>

/* The median of n values (the mean of the middle two when n is even); NAN when n is 0. */
double stats_median(const double *values, size_t n);

/* Half the distance between the largest and the smallest value; NAN when n is below 2. */
double stats_half_range(const double *values, size_t n);
