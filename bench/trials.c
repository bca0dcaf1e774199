/*
 * trials: how often a verdict is wrong, and how many trials it takes, near the threshold: three
 * trials against three that grow to nine while noise could turn the verdict.
 *
 * usage: trials [REPEATS]
 *
 * Draws trials at a given distance of the true value from the threshold, with 1 % of Gaussian
 * noise, alone and with one trial in ten that loses 5 % to somebody else on the server; has
 * muster's own rule judge them (policy/judge), and prints the table of docs/JUDGEMENT.md. The dice
 * are the same in every run. The repeats (40000) take some 4 s of CPU time.
 */
#include "base/attr.h"
#include "policy/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LEAST 3
#define MOST (PLAN_MORE_TRIALS * LEAST)
#define THRESHOLD 100.0
#define NOISE 0.01
#define LOSS 0.05

static unsigned short dice[3] = {1, 2, 3};

/* A normal deviate, by Box and Muller. */
static double normal(void) {
    double length = sqrt(-2 * log(1 - erand48(dice)));
    return length * cos(2 * M_PI * erand48(dice));
}

static double draw(double distance, double disturbed) {
    double loss = erand48(dice) < disturbed ? LOSS : 0;
    return THRESHOLD * (1 + distance / 100) * (1 + NOISE * normal() - loss);
}

struct outcome_of_trials {
    bool passed, close;
    size_t count;
};

/* One server: its trials, one more at a time while it is close, as src/bench/bench.c has them. */
static struct outcome_of_trials judge(double distance, double disturbed, size_t most) {
    static const struct judged_on unknown = {0};
    struct benchmark_plan plan = {.name = "rate",
                                  .reference = NAN,
                                  .threshold = THRESHOLD,
                                  .trials = LEAST,
                                  .max_trials = (int)most};
    double values[MOST];
    struct benchmark_result r = {.benchmark = (char *)"rate",
                                 .metric = (char *)"rate",
                                 .unit = (char *)"",
                                 .trials = values,
                                 .threshold = THRESHOLD};
    struct error err;
    for (;;) {
        do
            values[r.trial_count++] = draw(distance, disturbed);
        while (r.trial_count < LEAST);
        if (judge_benchmark(&plan, &unknown, &r, &err) < 0) {
            fprintf(stderr, "trials: %s\n", err.text);
            exit(1);
        }
        if (r.trial_count >= most || !judge_is_close(&r))
            break;
    }
    struct outcome_of_trials o = {r.verdict == VERDICT_PASSED, judge_is_close(&r), r.trial_count};
    free(r.detail);
    free(r.reference_source);
    return o;
}

/* Per cent of the repeats, and trials of each. */
struct shares {
    double wrong, unsaid, close, trials;
};

static struct shares measure(double distance, double disturbed, size_t most, int repeats) {
    struct shares s = {0};
    double percent = 100.0 / repeats;
    for (int i = 0; i < repeats; i++) {
        struct outcome_of_trials o = judge(distance, disturbed, most);
        bool wrong = o.passed != (distance >= 0);
        s.wrong += wrong * percent;
        s.unsaid += (wrong && !o.close) * percent;
        s.close += o.close * percent;
        s.trials += (double)o.count / repeats;
    }
    return s;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        double disturbed;
    } noises[] = {{"1 %", 0}, {"1 %, a tenth disturbed", 0.1}};
    static const double distances[] = {-5, -2, -1, -0.5, 0.5, 1, 2, 5};
    int repeats = argc > 1 ? atoi(argv[1]) : 40000;
    if (repeats < 1) {
        fputs("usage: trials [REPEATS]\n", stderr);
        return 2;
    }
    puts("| noise | from the threshold | 3 trials: wrong | 3 to 9: wrong | of them unsaid "
         "| said to be close | trials |\n|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < ARRAY_LEN(noises); i++)
        for (size_t j = 0; j < ARRAY_LEN(distances); j++) {
            double at = distances[j], disturbed = noises[i].disturbed;
            struct shares once = measure(at, disturbed, LEAST, repeats);
            struct shares grown = measure(at, disturbed, MOST, repeats);
            printf("| %s | %+.1f %% | %.2f %% | %.2f %% | %.2f %% | %.1f %% | %.2f |\n",
                   noises[i].name, at, once.wrong, grown.wrong, grown.unsaid, grown.close,
                   grown.trials);
        }
    return 0;
}
