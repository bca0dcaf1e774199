/*
 * benchmark_notes: a benchmark for the tests of the agent, which computes nothing and says
 * something in each trial.
 */
#include "benchmark.h"

#include "base/clock.h"

static const struct parameter parameters[] = {
    {"pause", PARAMETER_DURATION, 0, 10 * CLOCK_S, 0, 0, "how long a trial takes"},
    {"say", PARAMETER_FLAG, 0, 1, 1, 1, "whether to say something"},
    {0},
};

static int run(const struct setting *s, struct trial *t, struct failure *f) {
    static int trials;
    (void)f;
    nanosleep(&(struct timespec){.tv_sec = s[0].number / CLOCK_S, .tv_nsec = s[0].number % CLOCK_S},
              NULL);
    trials++;
    trial_add(t, "trials", "trials", trials, false);
    if (!s[1].number)
        return 0;
    trial_note(t, "card 1 is hot");
    if (trials != 2)
        trial_note(t, "trial\t%d;\n\"noted\"", trials);
    return 0;
}

const struct benchmark benchmark_notes = {
    .name = "notes",
    .about = "says something in each trial",
    .parameters = parameters,
    .trials = 3,
    .trial = run,
};
