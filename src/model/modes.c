/*
 * modes: see modes.h.
 *
 * The dip walks between two curves, the greatest convex one below the distribution and the least
 * concave one above it, and narrows the interval in which the mode may lie until they touch.
 */
#include "model/modes.h"

#include <math.h>

#define SEPARATED 3 /* Ashman's D of two groups, at least */

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

double modes_dip(const double *sorted, size_t n, size_t *scratch) {
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

bool modes_split(const double *sorted, size_t n, size_t least, size_t *scratch,
                 struct modes_split *ret) {
    if (least == 0 || n < 2 * least || n < 4)
        return false;
    if (!(modes_dip(sorted, n, scratch) > dip_of_one_mode(n)))
        return false;
    /* A best cut one short of what is asked for: there is a better one where a group is too small.
     */
    size_t cut = best_cut(sorted, n, least > 1 ? least - 1 : 1);
    if (cut < least || n - cut < least)
        return false;
    struct stats_centre a = stats_centre(sorted, cut), b = stats_centre(sorted + cut, n - cut);
    double separation = sqrt(2) * (b.median - a.median) / hypot(a.scale, b.scale);
    if (!(separation > SEPARATED))
        return false;
    *ret = (struct modes_split){cut, a, b, separation};
    return true;
}
