/*
 * stats: see stats.h.
 *
 * Nothing here keeps state, and what needs room beyond 32 values either takes it from the caller or
 * says by NAN that there was none.
 */
#include "model/stats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAD_TO_SIGMA 1.482602218505602   /* 1 / quantile 3/4 of the normal distribution */
#define MEAN_TO_SIGMA 1.2533141373155003 /* sqrt(pi / 2) */
#define WILD 3.5                         /* scales from the median */
#define FEW 32

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

void stats_sort(double *values, size_t n) {
    if (n > 1)
        qsort(values, n, sizeof(*values), compare);
}

/* A sorted copy, in `few` where it fits; NULL without memory. */
static double *sorted_copy(const double *values, size_t n, double few[FEW]) {
    double *sorted = n <= FEW ? few : malloc(n * sizeof(*sorted));
    if (!sorted)
        return NULL;
    memcpy(sorted, values, n * sizeof(*sorted));
    stats_sort(sorted, n);
    return sorted;
}

static void drop_copy(double *sorted, const double few[FEW]) {
    if (sorted != few)
        free(sorted);
}

double stats_half_sum(double a, double b) {
    double half = (a + b) / 2;
    return isfinite(half) ? half : a / 2 + b / 2;
}

static double middle(const double *sorted, size_t n) {
    if (n == 0)
        return NAN;
    return n % 2 ? sorted[n / 2] : stats_half_sum(sorted[n / 2 - 1], sorted[n / 2]);
}

double stats_median(const double *values, size_t n) {
    double few[FEW];
    double *sorted = sorted_copy(values, n, few);
    if (!sorted)
        return NAN;
    double median = middle(sorted, n);
    drop_copy(sorted, few);
    return median;
}

double stats_quantile(const double *sorted, size_t n, double p) {
    if (n == 0 || !(p >= 0 && p <= 1))
        return NAN;
    double place = (double)(n - 1) * p;
    size_t below = (size_t)place;
    double part = place - (double)below;
    if (part == 0 || below + 1 >= n)
        return sorted[below];
    return sorted[below] * (1 - part) + sorted[below + 1] * part;
}

double stats_mad(const double *values, size_t n, double centre) {
    if (n == 0)
        return NAN;
    double few[FEW];
    double *apart = n <= FEW ? few : malloc(n * sizeof(*apart));
    if (!apart)
        return NAN;
    for (size_t i = 0; i < n; i++)
        apart[i] = fabs(values[i] - centre);
    stats_sort(apart, n);
    double mad = middle(apart, n);
    drop_copy(apart, few);
    return mad;
}

double stats_scaled_mad(const double *values, size_t n, double centre) {
    return MAD_TO_SIGMA * stats_mad(values, n, centre);
}

/* The logarithm of the probability of k heads in n throws of a fair coin. */
static double log_heads(size_t n, size_t k) {
    int sign;
    double trials = (double)n, heads = (double)k;
    return lgamma_r(trials + 1, &sign) - lgamma_r(heads + 1, &sign) -
           lgamma_r(trials - heads + 1, &sign) - trials * M_LN2;
}

/*
 * The largest k for which fewer than k of n values are below the median with a probability of at
 * most (1 - confidence) / 2; 0 when there is none. *tail is that probability.
 */
static size_t interval_place(size_t n, double confidence, double *tail) {
    /* What is 20 standard deviations from the middle and further adds nothing to a double. */
    double start = (double)n / 2 - 10 * sqrt((double)n);
    size_t k = start > 0 ? (size_t)start : 0;
    double heads = exp(log_heads(n, k)), below = 0;
    double most = (1 - confidence) / 2;
    for (; below + heads <= most * (1 + 1e-12) && k < n / 2; k++) {
        below += heads;
        heads *= (double)(n - k) / (double)(k + 1);
    }
    *tail = below;
    return k;
}

bool stats_sorted_interval(const double *sorted, size_t n, double confidence,
                           struct stats_interval *ret) {
    double tail = 0;
    size_t k = n ? interval_place(n, confidence, &tail) : 0;
    if (k == 0)
        return false;
    *ret = (struct stats_interval){sorted[k - 1], sorted[n - k], 1 - 2 * tail};
    return true;
}

bool stats_median_interval(const double *values, size_t n, double confidence,
                           struct stats_interval *ret) {
    double few[FEW];
    double *sorted = sorted_copy(values, n, few);
    if (!sorted)
        return false;
    bool enough = stats_sorted_interval(sorted, n, confidence, ret);
    drop_copy(sorted, few);
    return enough;
}

double stats_spread(const double *values, size_t n) {
    if (n < 2)
        return NAN;
    double few[FEW];
    double *sorted = sorted_copy(values, n, few);
    if (!sorted)
        return NAN;
    struct stats_interval interval = {sorted[0], sorted[n - 1], 1};
    stats_sorted_interval(sorted, n, 0.95, &interval);
    drop_copy(sorted, few);
    return stats_half_sum(interval.high, -interval.low);
}

/* By the mean deviation of the values that are at most so far from the median: half of n at least.
 */
static double mean_scale(const double *values, size_t n, double median, double most) {
    double sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        double apart = fabs(values[i] - median);
        if (apart > most)
            continue;
        sum += apart / (double)n; /* no sum of the largest numbers */
        kept++;
    }
    return MEAN_TO_SIGMA * sum * ((double)n / (double)kept);
}

struct stats_centre stats_centre(const double *values, size_t n) {
    struct stats_centre c = {.median = stats_median(values, n)};
    c.scale = stats_scaled_mad(values, n, c.median);
    if (c.scale != 0)
        return c;
    double without = mean_scale(values, n, c.median, DBL_MAX);
    do {
        c.scale = without;
        without = mean_scale(values, n, c.median, WILD * c.scale);
    } while (without > 0 && without < c.scale);
    return c;
}

double stats_robust_z(double x, const struct stats_centre *c) {
    double apart = x - c->median;
    return apart == 0 ? 0 : apart / c->scale;
}
