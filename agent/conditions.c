/*
 * conditions: see conditions.h. Pure.
 */
#include "conditions.h"

#include <math.h>

#define HOT_WITHIN 5.0    /* C below the limit */
#define SLOW_OF_BASE 0.70 /* a heavy use of vectors may go below the base, not as far as this */
#define SLOW_OF_MOST 0.50 /* all cores never reach what one alone does */
#define STOLEN 3.0        /* percent */
#define HELD_PER_SECOND 1.0
#define LOOKS_MIN 4 /* below this, a share of the looks says too little */

void range_add(struct range *r, double value) {
    r->min = r->count == 0 ? value : fmin(r->min, value);
    r->max = r->count == 0 ? value : fmax(r->max, value);
    r->sum += value;
    r->count++;
}

static double mean(const struct range *r) {
    return r->sum / r->count;
}

static void next_word(struct str *out, size_t begin) {
    if (out->len > begin)
        str_add(out, "; ");
}

static void add_ghz(struct str *out, const struct conditions *c) {
    str_addf(out, "%.1f of %.1f GHz", mean(&c->frequency) / 1000, c->frequency_full / 1000);
}

static void add_throttled(struct str *out, const struct conditions *c) {
    const char *before = ": ";
    str_add(out, "throttled");
    if (c->temperature.count > 0) {
        str_addf(out, "%s%.0f C", before, c->temperature.max);
        before = ", ";
    }
    if (c->frequency.count > 0) {
        str_add(out, before);
        add_ghz(out, c);
    }
}

static bool is_hot(const struct conditions *c) {
    return c->temperature.count > 0 && c->temperature_limit > 0 &&
           c->temperature.max >= c->temperature_limit - HOT_WITHIN;
}

bool conditions_slow(const struct conditions *c, double mhz) {
    return mhz < (c->frequency_base ? SLOW_OF_BASE : SLOW_OF_MOST) * c->frequency_full;
}

static bool is_slow(const struct conditions *c) {
    return c->frequency.count > 0 && conditions_slow(c, mean(&c->frequency));
}

static void add_heat(struct str *out, const struct conditions *c, size_t begin) {
    if (c->throttled > 0) {
        add_throttled(out, c);
        return;
    }
    if (is_hot(c))
        str_addf(out, "hot: %.0f C of %.0f", c->temperature.max, c->temperature_limit);
    if (is_slow(c)) {
        next_word(out, begin);
        str_add(out, "at ");
        add_ghz(out, c);
    }
}

static void add_memory(struct str *out, const struct conditions *c) {
    const char *before = "memory errors: ";
    if (c->corrected > 0) {
        str_addf(out, "%s%lld corrected", before, (long long)c->corrected);
        before = ", ";
    }
    if (c->uncorrected > 0)
        str_addf(out, "%s%lld uncorrected", before, (long long)c->uncorrected);
}

void conditions_add_words(struct str *out, const struct conditions *c) {
    size_t begin = out->len;
    add_heat(out, c, begin);
    if (c->held_per_second >= HELD_PER_SECOND && isfinite(c->quota)) {
        next_word(out, begin);
        str_addf(out, "limited to %.3g CPUs", c->quota);
    }
    if (c->stolen >= STOLEN) {
        next_word(out, begin);
        str_addf(out, "stolen %.0f %%", c->stolen);
    }
    double busy = c->busy >= CONDITIONS_BUSY ? c->busy : c->busy_before;
    if (busy >= CONDITIONS_BUSY) {
        next_word(out, begin);
        str_addf(out, "busy %.0f %%", busy);
    }
    if (c->corrected > 0 || c->uncorrected > 0) {
        next_word(out, begin);
        add_memory(out, c);
    }
}

/* ---- JSON ---- */

static void add_key(struct str *out, const char *key) {
    if (out->data[out->len - 1] != '{')
        str_add_char(out, ',');
    str_addf(out, "\"%s\":", key);
}

static void add_number(struct str *out, const char *key, double value) {
    if (!isfinite(value))
        return;
    add_key(out, key);
    str_addf(out, "%.6g", value);
}

static void add_count(struct str *out, const char *key, int64_t value) {
    if (value < 0)
        return;
    add_key(out, key);
    str_add_int(out, value);
}

static void add_range(struct str *out, const char *key, const struct range *r, const char *limit,
                      double value) {
    if (r->count == 0)
        return;
    add_key(out, key);
    str_addf(out, "{\"min\":%.5g,\"mean\":%.5g,\"max\":%.5g", r->min, mean(r), r->max);
    if (value > 0)
        str_addf(out, ",\"%s\":%.5g", limit, value);
    str_add_char(out, '}');
}

void conditions_add_json(struct str *out, const struct conditions *c) {
    str_add_char(out, '{');
    if (out->failed)
        return;
    add_number(out, "seconds", c->seconds);
    add_range(out, "frequency_mhz", &c->frequency, c->frequency_base ? "base" : "limit",
              c->frequency_full);
    add_range(out, "temperature_c", &c->temperature, "limit", c->temperature_limit);
    add_count(out, "throttled", c->throttled);
    add_number(out, "throttled_percent", c->throttled_percent);
    if (c->frequency.count >= LOOKS_MIN)
        add_number(out, "slow_percent", 100.0 * c->slow_looks / c->frequency.count);
    add_number(out, "power_watts", c->watts);
    add_number(out, "busy_percent", c->busy);
    add_number(out, "busy_before_percent", c->busy_before);
    add_number(out, "settle_seconds", c->settled);
    add_number(out, "stolen_percent", c->stolen);
    add_number(out, "held_per_second", c->held_per_second);
    add_count(out, "memory_errors_corrected", c->corrected);
    add_count(out, "memory_errors_uncorrected", c->uncorrected);
    str_add_char(out, '}');
}
