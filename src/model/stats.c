/* stats: see stats.h. Pure. */
#include "model/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Half the sum, which is there also where the sum is too large for a double. */
static double half_sum(double a, double b) {
    double half = (a + b) / 2;
    return isfinite(half) ? half : a / 2 + b / 2;
}

double stats_median(const double *values, size_t n) {
    if (n == 0)
        return NAN;
    double few[32];
    double *sorted = n <= 32 ? few : malloc(n * sizeof(*sorted));
    if (!sorted)
        return NAN;
    memcpy(sorted, values, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare);
    double median = n % 2 ? sorted[n / 2] : half_sum(sorted[n / 2 - 1], sorted[n / 2]);
    if (sorted != few)
        free(sorted);
    return median;
}

double stats_half_range(const double *values, size_t n) {
    if (n < 2)
        return NAN;
    double least = values[0], most = values[0];
    for (size_t i = 1; i < n; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    return half_sum(most, -least);
}
