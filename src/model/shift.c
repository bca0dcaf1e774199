/*
 * shift: see shift.h.
 *
 * The differences of two samples are na * nb, and no table of them is made: halving between the
 * smallest and the largest finds any of them by counting.
 */
#include "model/shift.h"

#include "model/student.h"

#include <math.h>

#define EXACT 400 /* pairs up to which the Mann-Whitney distribution is counted out */

/* The largest distance from `centre`, by which values are divided so that no square overflows. */
static double largest_deviation(const double *values, size_t n, double centre) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(values[i] - centre));
    return most;
}

bool shift_step(const double *values, size_t n, size_t least, struct shift_step *ret) {
    if (least == 0 || n < 2 * least || n < 3)
        return false;
    double centre = stats_median(values, n), unit = largest_deviation(values, n, centre);
    if (!(unit > 0) || isinf(unit))
        return false;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += (values[i] - centre) / unit / (double)n;
    double sum = 0, most = 0;
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        double x = (values[i] - centre) / unit - mean;
        /* What the parts' means explain of the squares, were the step in front of value i. */
        double explained = i ? sum * sum * (double)n / ((double)i * (double)(n - i)) : 0;
        if (i >= least && n - i >= least && explained > most) {
            most = explained;
            first = i;
        }
        sum += x;
        squares += x * x;
    }
    if (first == 0)
        return false;
    double rest = fmax(squares - most, 0);
    double p = student_p(sqrt((double)(n - 2) * most / rest), (double)(n - 2));
    *ret = (struct shift_step){
        .first = first,
        .before = stats_median(values, first),
        .after = stats_median(values + first, n - first),
        .p = fmin(1, p * (double)(n - 2 * least + 1)),
    };
    return true;
}

/* How many of the differences b - a are at most x. Both are sorted, so one walk finds them. */
static size_t differences_up_to(const double *a, size_t na, const double *b, size_t nb, double x) {
    size_t count = 0, below = 0;
    for (size_t i = 0; i < na; i++) {
        while (below < nb && b[below] - a[i] <= x)
            below++;
        count += below;
    }
    return count;
}

/*
 * The k-th smallest difference, k from 1 on. Halving finds it to the last bit without a table of
 * all na * nb of them.
 */
static double nth_difference(const double *a, size_t na, const double *b, size_t nb, size_t k) {
    double low = b[0] - a[na - 1], high = b[nb - 1] - a[0];
    if (differences_up_to(a, na, b, nb, low) >= k)
        return low;
    for (;;) {
        double half = stats_half_sum(low, high);
        if (!(half > low && half < high))
            return high;
        if (differences_up_to(a, na, b, nb, half) >= k)
            high = half;
        else
            low = half;
    }
}

/*
 * How many of the smallest differences stay below the interval, in *below, and its coverage: those
 * for which P(U <= below - 1) is at most (1 - confidence) / 2. Exact where na * nb <= EXACT: the
 * counts are the coefficients of the product of (1 - q^(na + i)) / (1 - q^i), i from 1 to nb.
 */
static double moses_exact(size_t na, size_t nb, double confidence, size_t *below) {
    double ways[EXACT + 1] = {1};
    size_t last = na * nb;
    for (size_t i = 1; i <= nb; i++) {
        for (size_t k = last + 1; k-- > na + i;)
            ways[k] -= ways[k - na - i];
        for (size_t k = i; k <= last; k++)
            ways[k] += ways[k - i];
    }
    double all = 0;
    for (size_t k = 0; k <= last; k++)
        all += ways[k];
    double tail = 0, most = all * (1 - confidence) / 2 * (1 + 1e-12);
    size_t k = 0;
    for (; 2 * k < last && tail + ways[k] <= most; k++)
        tail += ways[k];
    *below = k;
    return k ? 1 - 2 * tail / all : 0;
}

/* Where P(Z < -z) of the normal distribution is `tail`. */
static double normal_point(double tail) {
    double low = 0, high = 40;
    for (int i = 0; i < 80; i++) {
        double half = (low + high) / 2;
        if (erfc(half / M_SQRT2) / 2 > tail)
            low = half;
        else
            high = half;
    }
    return high;
}

static double moses_normal(double na, double nb, double confidence, size_t *below) {
    double z = normal_point((1 - confidence) / 2);
    double place = na * nb / 2 - z * sqrt(na * nb * (na + nb + 1) / 12);
    *below = place > 1 ? (size_t)place : 0;
    return *below ? confidence : 0;
}

double shift_between(const double *a_sorted, size_t na, const double *b_sorted, size_t nb,
                     double confidence, struct stats_interval *ret) {
    if (na == 0 || nb == 0)
        return NAN;
    size_t all = na * nb, below;
    double coverage = all <= EXACT ? moses_exact(na, nb, confidence, &below)
                                   : moses_normal((double)na, (double)nb, confidence, &below);
    size_t low = below ? below : 1;
    *ret = (struct stats_interval){
        .low = nth_difference(a_sorted, na, b_sorted, nb, low),
        .high = nth_difference(a_sorted, na, b_sorted, nb, all + 1 - low),
        .coverage = coverage,
    };
    return stats_half_sum(nth_difference(a_sorted, na, b_sorted, nb, (all + 1) / 2),
                          nth_difference(a_sorted, na, b_sorted, nb, all / 2 + 1));
}
