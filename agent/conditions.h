/*
 * conditions: what the sensors saw during a benchmark, in words and as JSON. Plain data.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

struct range {
    int count;
    double min, max, sum;
};

void range_add(struct range *r, double value);

/* NAN or -1 where it is not known. */
struct conditions {
    double seconds;           /* from the benchmark's beginning */
    struct range frequency;   /* MHz, while the benchmark kept the CPUs at work */
    double frequency_full;    /* MHz that they should run at */
    bool frequency_base;      /* all of them together, and not just one */
    int slow_looks;           /* of those at the frequency: how many found it slow */
    struct range temperature; /* C, of the sensor nearest to its limit */
    double temperature_limit; /* C; 0: not known */
    int64_t throttled;        /* how often a CPU or a package was too hot */
    double throttled_percent; /* of the time, the CPU or package for which it was longest */
    double watts;             /* all packages, on average */
    double busy;              /* percent of the allowed CPUs that others took */
    double busy_before;       /* the same before the beginning, when that did not become less */
    double settled;           /* seconds that were waited for it to become less */
    double stolen;            /* percent, by the hypervisor */
    double held_per_second;   /* how often the control group's quota stopped us */
    double quota;             /* CPUs' worth of time that it grants */
    int64_t corrected, uncorrected; /* memory errors */
};

/*
 * Appends plain words for what matters, with "; " between, always in this order:
 *
 *   throttled: 89 C, 1.2 of 3.4 GHz  a thermal-throttle counter went up
 *   hot: 96 C of 100                 within 5 C of the limit, and not throttled
 *   at 1.2 of 3.4 GHz                on average below 70 % of what is guaranteed to all cores, or
 *                                    50 % of the most where that is not known; not throttled
 *   limited to 0.5 CPUs              the quota stopped the benchmark once a second or more
 *   stolen 14 %                      3 % and more
 *   busy 30 %                        10 % and more during the benchmark, or, where it was less,
 *                                    still 10 % and more before it after the wait
 *   memory errors: 3 corrected, 1 uncorrected
 */
void conditions_add_words(struct str *out, const struct conditions *c);

/*
 * Whether a frequency is slow: below 70 % of what is guaranteed to all cores, or 50 % of the most
 * where that is not known.
 */
bool conditions_slow(const struct conditions *c, double mhz);

/* Appends a JSON object; what is not known is left out. */
void conditions_add_json(struct str *out, const struct conditions *c);

/* Of the CPUs: others that take more than this are a disturbance. */
#define CONDITIONS_BUSY 10.0
