#!/usr/bin/env python3
"""How often a verdict is wrong, and how many trials it takes, near the threshold: three trials
against three that grow to nine while the interval of their median holds the threshold.

Draws trials at a given distance of the true value from the threshold, with 1 % of Gaussian noise,
alone and with one trial in ten that loses 5 % to somebody else on the server, and prints the table
of docs/JUDGEMENT.md. The rule is that of src/policy/judge.c and the plan's defaults."""

import random
import statistics

LEAST, MOST, THRESHOLD, REPEATS = 3, 9, 100.0, 40000
# of n trials the k-th smallest and the k-th largest hold the median with 95 % confidence
ORDER = {6: 1, 7: 1, 8: 1, 9: 2}


def interval(trials):
    ordered = sorted(trials)
    k = ORDER.get(len(ordered), 1)
    return ordered[k - 1], ordered[-k]


def judge(draw, most):
    """Passed or not, whether noise could turn that, and the number of trials."""
    trials = [draw() for _ in range(LEAST)]
    while True:
        low, high = interval(trials)
        close = low < THRESHOLD <= high
        if not close or len(trials) >= most:
            return statistics.median(trials) >= THRESHOLD, close, len(trials)
        trials.append(draw())


def measure(distance, disturbed, most):
    def draw():
        loss = 0.05 if random.random() < disturbed else 0
        return THRESHOLD * (1 + distance / 100) * (random.gauss(1, 0.01) - loss)

    results = [judge(draw, most) for _ in range(REPEATS)]
    wrong = [close for passed, close, _ in results if passed != (distance >= 0)]
    return (100 * len(wrong) / REPEATS, 100 * wrong.count(False) / REPEATS,
            100 * sum(close for _, close, _ in results) / REPEATS,
            sum(count for _, _, count in results) / REPEATS)


random.seed(1)
print("| noise | from the threshold | 3 trials: wrong | 3 to 9: wrong | of them unsaid "
      "| said to be close | trials |\n|---|---|---|---|---|---|---|")
for name, disturbed in ("1 %", 0), ("1 %, a tenth disturbed", 0.1):
    for distance in -5, -2, -1, -0.5, 0.5, 1, 2, 5:
        once, grown = measure(distance, disturbed, LEAST), measure(distance, disturbed, MOST)
        print("| %s | %+.1f %% | %.2f %% | %.2f %% | %.2f %% | %.1f %% | %.2f |"
              % (name, distance, once[0], *grown))
