/* student: see student.h. */
#include "model/student.h"

#include <float.h>
#include <math.h>

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

double student_p(double t, double df) {
    if (!(df > 0) || isnan(t))
        return NAN;
    if (isinf(t))
        return 0;
    double all = df + t * t;
    return beta_part(df / 2, 0.5, df / all, t * t / all);
}
