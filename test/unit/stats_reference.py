#!/usr/bin/env python3
"""Prints stats_reference.h: what SciPy and NumPy say of the samples that stand below.

    python3 stats_reference.py >stats_reference.h       (made with SciPy 1.10.1, NumPy 1.24.2)

The dip, which neither has, is made from its definition: the least distance from the distribution of a
sample to one that is convex up to some value and concave from there on is a linear program for each
value, and the least of all is the dip. The interval of a shift is looked up in the table of all
differences, at the places that the exact distribution of Mann and Whitney's statistic gives, counted
here by going through all orders of ranks.
"""
import math
from itertools import combinations

import numpy as np
from scipy import optimize, stats


def sample(seed, n, kind):
    """A sample that anyone can make again: a multiplicative generator, no library's."""
    state, uniform = seed, []
    for _ in range(2 * n):
        state = state * 48271 % 2147483647
        uniform.append(state / 2147483647)
    values = []
    for i in range(n):
        a, b = uniform[2 * i], uniform[2 * i + 1]
        z = math.sqrt(-2 * math.log(a)) * math.cos(2 * math.pi * b)
        if kind == "normal":
            x = 100 + z
        elif kind == "skewed":
            x = 100 * math.exp(z / 2)
        elif kind == "two":
            x = (100 if a * 7919 % 1 < 0.6 else 85) + z
        elif kind == "step":
            x = (100 if i < n * 5 // 8 else 96) + z
        else:
            x = round(20 * a)
        values.append(round(x, 3))
    return values


SAMPLES = [sample(11 + i, n, kind) for i, (n, kind) in enumerate(
    [(1, "normal"), (2, "normal"), (5, "skewed"), (6, "normal"), (7, "ties"), (8, "step"),
     (12, "two"), (16, "step"), (25, "ties"), (31, "skewed"), (40, "two"), (60, "normal"),
     (100, "two"), (120, "ties")])]


def interval(values, confidence):
    n, ordered = len(values), sorted(values)
    k = 0
    while 2 * stats.binom.cdf(k, n, 0.5) <= 1 - confidence and k < n // 2:
        k += 1
    if k == 0:
        return None
    return ordered[k - 1], ordered[n - k], 1 - 2 * stats.binom.cdf(k - 1, n, 0.5)


def step(values):
    """The largest t of all places with two values on both sides, by SciPy's test for two samples."""
    places = range(2, len(values) - 1)
    tests = [(-abs(stats.ttest_ind(values[:k], values[k:]).statistic), k) for k in places]
    _, first = min(tests)
    p = stats.ttest_ind(values[:first], values[first:]).pvalue * len(tests)
    return first, np.median(values[:first]), np.median(values[first:]), min(1, p)


def distance(x, lower, upper, mode):
    """The least distance to a distribution that turns at x[mode], as a linear program."""
    n = len(x)
    # Unknown: the distance, and the distribution at each x below (0..mode) and above (mode..n-1) a jump.
    left, right = list(range(1, mode + 2)), list(range(mode + 2, n + 2))
    size = n + 2
    rows, bounds = [], []

    def at_most(terms, bound):
        row = np.zeros(size)
        for index, factor in terms:
            row[index] += factor
        rows.append(row)
        bounds.append(bound)

    def near(index, low, high):
        at_most([(index, 1), (0, -1)], low)       # F <= low + d
        at_most([(index, -1), (0, -1)], -high)    # F >= high - d

    for i in range(mode + 1):
        # A continuous F left of the mode is near both corners; at the mode only its limit from the left.
        near(left[i], lower[i], upper[i] if i < mode else lower[i])
    for i in range(mode, n):
        near(right[i - mode], lower[i] if i > mode else upper[i], upper[i])
    at_most([(left[-1], 1), (right[0], -1)], 0)
    for side, xs, sign in ((left, x[:mode + 1], 1), (right, x[mode:], -1)):
        for i in range(len(side) - 1):
            at_most([(side[i], 1), (side[i + 1], -1)], 0)
        for i in range(len(side) - 2):
            w = (xs[i + 1] - xs[i]) / (xs[i + 2] - xs[i])
            at_most([(side[i + 1], sign), (side[i], -sign * (1 - w)), (side[i + 2], -sign * w)], 0)
    cost = np.zeros(size)
    cost[0] = 1
    found = optimize.linprog(cost, np.array(rows), bounds, bounds=[(0, 1)] * size, method="highs")
    return found.fun if found.success else math.inf


def dip(values):
    x, counts = np.unique(values, return_counts=True)
    upper = np.cumsum(counts) / len(values)
    lower = upper - counts / len(values)
    least = 1 / (2 * len(values))  # by Hartigan and Hartigan's convention
    return max(least, min(distance(x, lower, upper, mode) for mode in range(len(x))))


def shift(a, b, confidence):
    differences = sorted(y - x for x in a for y in b)
    m, n = len(a), len(b)
    counts = np.zeros(m * n + 1)
    for chosen in combinations(range(m + n), m):
        counts[sum(chosen) - m * (m - 1) // 2] += 1
    tails = np.cumsum(counts) / counts.sum()
    k = int(np.sum(2 * tails <= 1 - confidence))
    low = max(k, 1)
    return (np.median(differences), differences[low - 1], differences[m * n - low],
            1 - 2 * tails[k - 1] if k else 0)


def text(x):
    return "NAN" if x is None or math.isnan(x) else repr(float(x))


def main():
    print("/* Made by stats_reference.py with SciPy: see there. */")
    print("#pragma once\n\n#include <math.h>\n#include <stddef.h>\n")
    for i, values in enumerate(SAMPLES):
        print(f"static const double sample_{i}[] = {{{', '.join(map(text, values))}}};")
    print("""
static const struct {
    const double *values;
    size_t n;
    double median, quartile, high_quantile, mad, scaled_mad;
    double low, high, coverage; /* of the median at 95 %; NAN: there is none */
    double dip;
    size_t step;                /* 0: too few values */
    double before, after, p;
} sample_references[] = {""")
    for i, values in enumerate(SAMPLES):
        found = interval(values, 0.95) or (None, None, None)
        change = step(values) if len(values) > 3 else (0, None, None, None)
        numbers = [np.median(values), np.quantile(values, 0.25), np.quantile(values, 0.9),
                   stats.median_abs_deviation(values),
                   stats.median_abs_deviation(values, scale="normal"), *found, dip(values)]
        print(f"    {{sample_{i}, {len(values)}, {', '.join(map(text, numbers))}, {change[0]}, "
              f"{', '.join(map(text, change[1:]))}}},")
    print("};\n\nstatic const struct {\n    double t, df, p;\n} student_references[] = {")
    for df in (1, 2, 3, 6, 10, 18, 98, 1000):
        for t in (0.1, 1, 2.5, 8, 60):
            print(f"    {{{t}, {df}, {text(2 * stats.t.sf(t, df))}}},")
    print("};\n\nstatic const struct {\n    size_t a, b; /* samples */\n"
          "    double shift, low, high, coverage;\n} shift_references[] = {")
    for a, b in ((2, 3), (3, 4), (3, 5), (5, 6), (4, 6), (1, 6)):
        print(f"    {{{a}, {b}, {', '.join(map(text, shift(SAMPLES[a], SAMPLES[b], 0.95)))}}},")
    print("};")


main()
