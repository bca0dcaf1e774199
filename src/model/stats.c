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
#define FEW 32
#define EXACT 400 /* pairs up to which the Mann-Whitney distribution is counted out */

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

/* Half the sum, which is there also where the sum is too large for a double. */
static double half_sum(double a, double b) {
    double half = (a + b) / 2;
    return isfinite(half) ? half : a / 2 + b / 2;
}

static double middle(const double *sorted, size_t n) {
    if (n == 0)
        return NAN;
    return n % 2 ? sorted[n / 2] : half_sum(sorted[n / 2 - 1], sorted[n / 2]);
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
    return half_sum(interval.high, -interval.low);
}

struct stats_centre stats_centre(const double *values, size_t n) {
    struct stats_centre c = {.median = stats_median(values, n)};
    c.scale = stats_scaled_mad(values, n, c.median);
    if (c.scale != 0)
        return c;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(values[i] - c.median);
    c.scale = MEAN_TO_SIGMA * sum / (double)n;
    return c;
}

double stats_robust_z(double x, const struct stats_centre *c) {
    double apart = x - c->median;
    return apart == 0 ? 0 : apart / c->scale;
}

/*
 * The vertices of the greatest convex function below the distribution's lower corners (x[i], i)
 * from `low` to `high`, of equal values the first. Returns how many.
 */
static size_t convex_minorant(const double *x, size_t low, size_t high, size_t *at) {
    size_t count = 0;
    for (size_t i = low; i <= high; i++) {
        if (i > low && x[i] == x[i - 1])
            continue;
        while (count > 1) {
            size_t a = at[count - 2], b = at[count - 1];
            if ((double)(b - a) * (x[i] - x[b]) < (double)(i - b) * (x[b] - x[a]))
                break;
            count--;
        }
        at[count++] = i;
    }
    return count;
}

/* The same above the upper corners (x[i], i + 1), of equal values the last. */
static size_t concave_majorant(const double *x, size_t low, size_t high, size_t *at) {
    size_t count = 0;
    for (size_t i = low; i <= high; i++) {
        if (i < high && x[i] == x[i + 1])
            continue;
        while (count > 1) {
            size_t a = at[count - 2], b = at[count - 1];
            if ((double)(b - a) * (x[i] - x[b]) > (double)(i - b) * (x[b] - x[a]))
                break;
            count--;
        }
        at[count++] = i;
    }
    return count;
}

/* The line through the places a and b of the curve, at x[i]. */
static double line(const double *x, size_t a, size_t b, size_t i) {
    if (x[b] == x[a])
        return (double)a;
    return (double)a + (double)(b - a) * ((x[i] - x[a]) / (x[b] - x[a]));
}

struct modal {
    size_t low, high;
};

/*
 * The largest distance between the two curves, in steps of the distribution, and the vertices on
 * both sides of the place where it is, between which the mode lies.
 */
static double widest(const double *x, const size_t *g, size_t ng, const size_t *l, size_t nl,
                     struct modal *ret) {
    double most = 0;
    for (size_t i = 0, j = 0; i < ng; i++) {
        while (j + 1 < nl && x[l[j]] < x[g[i]])
            j++;
        double upper = j ? line(x, l[j - 1], l[j], g[i]) + 1 : (double)l[j] + 1;
        if (upper - (double)g[i] > most) {
            most = upper - (double)g[i];
            *ret = (struct modal){g[i], l[j]};
        }
    }
    for (size_t i = 0, j = 0; i < nl; i++) {
        while (j + 1 < ng && x[g[j + 1]] <= x[l[i]])
            j++;
        double lower = j + 1 < ng ? line(x, g[j], g[j + 1], l[i]) : (double)g[j];
        if ((double)l[i] + 1 - lower > most) {
            most = (double)l[i] + 1 - lower;
            *ret = (struct modal){g[j], l[i]};
        }
    }
    return most;
}

/* How far the distribution rises above the minorant in front of `low`. */
static double above_minorant(const double *x, const size_t *g, size_t ng, size_t low) {
    double most = 0;
    for (size_t v = 0; v + 1 < ng && g[v] < low; v++)
        for (size_t i = g[v]; i < g[v + 1]; i++)
            most = fmax(most, (double)i + 1 - line(x, g[v], g[v + 1], i));
    return most;
}

/* How far it falls below the majorant behind `high`. */
static double below_majorant(const double *x, const size_t *l, size_t nl, size_t high) {
    double most = 0;
    for (size_t v = nl; v-- > 1 && l[v] > high;)
        for (size_t i = l[v - 1] + 1; i <= l[v]; i++)
            most = fmax(most, line(x, l[v - 1], l[v], i) + 1 - (double)i);
    return most;
}

double stats_dip(const double *sorted, size_t n, size_t *scratch) {
    if (n == 0)
        return NAN;
    size_t *g = scratch, *l = scratch + n;
    struct modal now = {0, n - 1};
    double dip = 1;
    while (now.low < now.high) {
        size_t ng = convex_minorant(sorted, now.low, now.high, g);
        size_t nl = concave_majorant(sorted, now.low, now.high, l);
        struct modal next = now;
        double gap = widest(sorted, g, ng, l, nl, &next);
        if (gap <= dip)
            break;
        dip = fmax(dip, fmax(above_minorant(sorted, g, ng, next.low),
                             below_majorant(sorted, l, nl, next.high)));
        if (next.low == now.low && next.high == now.high)
            break;
        now = next;
    }
    return dip / (2 * (double)n);
}

/* The cut that leaves the least sum of absolute deviations from the medians of both sides. */
static size_t best_cut(const double *sorted, size_t n, size_t least) {
    double all = 0, before = 0, best = INFINITY;
    size_t cut = least;
    for (size_t i = 0; i < n; i++)
        all += sorted[i];
    /* Sums of the lower halves of both sides, kept up while the cut moves. */
    double low = 0, low_right = 0;
    size_t left_half = 0, right_from = 0, right_to = 0;
    for (size_t k = 1; k < n; k++) {
        before += sorted[k - 1];
        for (; left_half < k / 2; left_half++)
            low += sorted[left_half];
        for (; right_to < k + (n - k) / 2; right_to++)
            low_right += sorted[right_to];
        for (; right_from < k; right_from++)
            low_right -= sorted[right_from];
        if (k < least || n - k < least || sorted[k] == sorted[k - 1])
            continue;
        double left_odd = k % 2 ? sorted[k / 2] : 0;
        double right_odd = (n - k) % 2 ? sorted[k + (n - k) / 2] : 0;
        double sum = before - 2 * low - left_odd + all - before - 2 * low_right - right_odd;
        if (sum < best) {
            best = sum;
            cut = k;
        }
    }
    return cut;
}

/*
 * What the dip of 999 in 1,000 samples of a uniform distribution stays below. It falls with the
 * root of n (Hartigan and Hartigan); the rest fits a simulation with n from 8 to 2,000 to 4 %.
 */
static double dip_of_one_mode(size_t n) {
    double root = sqrt((double)n);
    return (0.75 - 0.55 / root) / root;
}

bool stats_split(const double *sorted, size_t n, size_t least, size_t *scratch,
                 struct stats_split *ret) {
    if (least == 0 || n < 2 * least || n < 4)
        return false;
    if (!(stats_dip(sorted, n, scratch) > dip_of_one_mode(n)))
        return false;
    /* A best cut one short of what is asked for: there is a better one where a group is too small.
     */
    size_t cut = best_cut(sorted, n, least > 1 ? least - 1 : 1);
    if (cut < least || n - cut < least)
        return false;
    struct stats_centre a = stats_centre(sorted, cut), b = stats_centre(sorted + cut, n - cut);
    double separation = sqrt(2) * (b.median - a.median) / hypot(a.scale, b.scale);
    if (!(separation > 3))
        return false;
    *ret = (struct stats_split){cut, a, b, separation};
    return true;
}

/*
 * The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method; it
 * converges in a few dozen steps for x < (a + 1) / (a + b + 2).
 */
static double beta_fraction(double a, double b, double x) {
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (d == 0 ? DBL_MIN : d);
    double product = d;
    for (int m = 1; m <= 1000; m++) {
        double twice = 2.0 * m, step = 1;
        for (int odd = 0; odd < 2; odd++) {
            double term = odd ? -(a + m) * (a + b + m) * x / ((a + twice) * (a + twice + 1))
                              : m * (b - m) * x / ((a + twice - 1) * (a + twice));
            d = 1 + term * d;
            d = 1 / (d == 0 ? DBL_MIN : d);
            c = 1 + term / c;
            c = c == 0 ? DBL_MIN : c;
            step = c * d;
            product *= step;
        }
        if (fabs(step - 1) < DBL_EPSILON)
            break;
    }
    return product;
}

/* The regularised incomplete beta function I_x(a, b); y is 1 - x, which may be known better. */
static double beta_part(double a, double b, double x, double y) {
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    int sign;
    double front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
                       a * log(x) + b * log(y));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

double stats_student_p(double t, double df) {
    if (!(df > 0) || isnan(t))
        return NAN;
    if (isinf(t))
        return 0;
    double all = df + t * t;
    return beta_part(df / 2, 0.5, df / all, t * t / all);
}

/* The largest distance from `centre`, by which values are divided so that no square overflows. */
static double largest_deviation(const double *values, size_t n, double centre) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(values[i] - centre));
    return most;
}

bool stats_step(const double *values, size_t n, size_t least, struct stats_step *ret) {
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
    double p = stats_student_p(sqrt((double)(n - 2) * most / rest), (double)(n - 2));
    *ret = (struct stats_step){
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
        double half = half_sum(low, high);
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

double stats_shift(const double *a_sorted, size_t na, const double *b_sorted, size_t nb,
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
    return half_sum(nth_difference(a_sorted, na, b_sorted, nb, (all + 1) / 2),
                    nth_difference(a_sorted, na, b_sorted, nb, all / 2 + 1));
}
