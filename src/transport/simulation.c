/* simulation: see simulation.h. Reads the clock for a seed; else pure. */
#include "transport/simulation.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"
#include "input/config.h"

#include <errno.h>
#include <string.h>

#define VALUE_MAX 64

/* ---- values ---- */

static int read_count(const char *text, uint64_t max, uint64_t *ret) {
    size_t n = strspn(text, "0123456789");
    if (n == 0 || text[n])
        return -1;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value > max)
        return -1;
    *ret = value;
    return 0;
}

/* digits [. digits]; strtod() alone would take "nan", "1e999" and "-1" too */
static int read_number(const char *text, double max, double *ret) {
    size_t whole = strspn(text, "0123456789");
    size_t n = whole;
    if (text[n] == '.')
        n += 1 + strspn(text + n + 1, "0123456789");
    if (whole == 0 || text[n] || text[n - 1] == '.')
        return -1;
    double value = strtod(text, NULL);
    if (!(value <= max))
        return -1;
    *ret = value;
    return 0;
}

/* ---- keys: each reads its value; one that sets no sentence gets the table's ---- */

static int take_servers(char *value, struct simulation *s,
                        __attribute__((unused)) struct error *e) {
    uint64_t n;
    if (read_count(value, SIMULATION_SERVERS_MAX, &n) != 0 || n == 0)
        return -1;
    s->servers = (size_t)n;
    return 0;
}

static int take_seed(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    s->seed_given = true;
    return read_count(value, INT64_MAX, &s->seed);
}

/* Cuts "A-B" in two; the second half of "A" is "A". */
static const char *cut_range(char *value) {
    char *dash = strchr(value, '-');
    if (!dash)
        return value;
    *dash = '\0';
    return dash + 1;
}

static int take_delay(char *value, struct simulation *s, struct error *err) {
    const char *upper = cut_range(value);
    if (duration_parse_zero(value, &s->delay_min, err) != 0 ||
        duration_parse_zero(upper, &s->delay_max, err) != 0)
        return -1;
    return s->delay_min <= s->delay_max ? 0 : -1;
}

static int take_skew(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    return read_number(value, 100, &s->skew) == 0 && s->skew > 0 ? 0 : -1;
}

static int take_score(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    const char *upper = cut_range(value);
    if (read_number(value, 1e9, &s->score_min) != 0 || read_number(upper, 1e9, &s->score_max) != 0)
        return -1;
    return s->score_min <= s->score_max ? 0 : -1;
}

static int read_percent(char *text, double max, double *ret) {
    size_t n = strlen(text);
    if (n > 0 && text[n - 1] == '%')
        text[n - 1] = '\0';
    return read_number(text, max, ret);
}

static int take_error(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    return read_percent(value, 100, &s->error_percent);
}

/* ---- keys of a modelled fleet ---- */

static int take_size(const char *value, uint64_t max, size_t *ret) {
    uint64_t n;
    if (read_count(value, max, &n) != 0 || n == 0)
        return -1;
    *ret = (size_t)n;
    return 0;
}

static int take_kinds(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    return take_size(value, SIMULATION_KINDS_MAX, &s->kinds);
}

static int take_metrics(char *value, struct simulation *s,
                        __attribute__((unused)) struct error *e) {
    return take_size(value, SIMULATION_METRICS_MAX, &s->metrics);
}

static int take_noise(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    return read_percent(value, 30, &s->noise_percent);
}

/* P%:SIZE%, or P% alone */
static int read_fault(char *value, struct simulation_fault *ret) {
    char *size = strchr(value, ':');
    if (size)
        *size++ = '\0';
    if (size && read_percent(size, 90, &ret->size_percent) != 0)
        return -1;
    return read_percent(value, 100, &ret->percent);
}

static int take_slow(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    return read_fault(value, &s->slow);
}

static int take_throttled(char *value, struct simulation *s,
                          __attribute__((unused)) struct error *e) {
    return read_fault(value, &s->throttled);
}

static int take_drift(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    return read_fault(value, &s->drift);
}

static int take_missing(char *value, struct simulation *s,
                        __attribute__((unused)) struct error *e) {
    return read_percent(value, 100, &s->missing.percent);
}

static int take_bimodal(char *value, struct simulation *s,
                        __attribute__((unused)) struct error *e) {
    return read_fault(value, &s->bimodal);
}

static int take_age(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    return read_count(value, SIMULATION_AGE_MAX, &s->age);
}

static int take_truth(char *value, struct simulation *s, __attribute__((unused)) struct error *e) {
    size_t n = strlen(value);
    if (n == 0 || n >= sizeof(s->truth))
        return -1;
    memcpy(s->truth, value, n + 1);
    return 0;
}

#define SHARE "a share of the servers of 0% to 100%"
#define FAULT "a share of the servers and a size of 0% to 90%, as in 2%:10%"

static const struct key {
    const char *name;
    int (*take)(char *value, struct simulation *s, struct error *err);
    const char *expected;
} keys[] = {
    {"servers", take_servers, "a number of 1 to 10000000"},
    {"seed", take_seed, "a number of 0 to 9223372036854775807"},
    {"delay", take_delay, "a duration or a range of two, as in 20ms or 1s-10s"},
    {"skew", take_skew, "a number above 0 and up to 100"},
    {"score", take_score, "a number or a range of two, as in 50 or 0-100"},
    {"error", take_error, SHARE},
    {"kinds", take_kinds, "a number of 1 to 64"},
    {"metrics", take_metrics, "a number of 1 to 100"},
    {"noise", take_noise, "a standard deviation of 0% to 30%"},
    {"slow", take_slow, FAULT},
    {"throttled", take_throttled, FAULT},
    {"drift", take_drift, FAULT},
    {"missing", take_missing, SHARE},
    {"bimodal", take_bimodal, FAULT},
    {"age", take_age, "a number of 0 to 1000000"},
    {"truth", take_truth, "the name of a file"},
};

/* Those above the first one of these are of any simulation. */
#define FIRST_MODELLED 6
_Static_assert(ARRAY_LEN(keys) <= sizeof(unsigned) * 8, "a bit for each key");

static int unknown_key(const char *name, struct error *err) {
    const char *names[ARRAY_LEN(keys) + 1] = {NULL};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        names[i] = keys[i].name;
    const char *nearest = config_nearest(name, names);
    if (nearest)
        return error_set(err, ERROR_USAGE, "the simulation has no '%.40s': did you mean '%s'?",
                         name, nearest);
    cleanup(str_done) struct str all = {0};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        str_addf(&all, "%s%s", i == 0 ? "" : i + 1 < ARRAY_LEN(keys) ? ", " : " and ", names[i]);
    return error_set(err, ERROR_USAGE, "the simulation has no '%.40s': it has %s", name,
                     all.failed ? "others" : all.data);
}

/* Takes one "key=value", which it may cut up. `*seen` has a bit for each key before it. */
static int take_item(char *item, unsigned *seen, struct simulation *s, struct error *err) {
    char *value = strchr(item, '=');
    if (value)
        *value++ = '\0';
    size_t i = 0;
    while (i < ARRAY_LEN(keys) && strcmp(keys[i].name, item) != 0)
        i++;
    if (i == ARRAY_LEN(keys))
        return unknown_key(item, err);
    if (*seen & 1u << i)
        return error_set(err, ERROR_USAGE, "the simulation's '%s' is given twice", item);
    *seen |= 1u << i;
    char shown[VALUE_MAX] = "";
    if (value)
        memcpy(shown, value, strnlen(value, sizeof(shown) - 1));
    err->kind = ERROR_NONE;
    if (value && keys[i].take(value, s, err) == 0)
        return 0;
    if (err->kind != ERROR_NONE)
        return error_prefix(err, "the simulation's '%s'", item);
    return error_set(err, ERROR_USAGE, "the simulation's '%s' is %s, not '%s'", item,
                     keys[i].expected, shown);
}

static unsigned bit_of(int (*take)(char *, struct simulation *, struct error *)) {
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i].take == take)
            return 1u << i;
    return 0;
}

/* What depends on several keys. */
static int conclude(unsigned seen, struct simulation *s, struct error *err) {
    s->modelled = seen >> FIRST_MODELLED != 0;
    if (s->modelled && !(seen & bit_of(take_score))) {
        s->score_min = 100;
        s->score_max = 1000;
    }
    if (s->slow.percent + s->throttled.percent + s->drift.percent + s->missing.percent > 100)
        return error_set(
            err, ERROR_USAGE,
            "the simulation's 'slow', 'throttled', 'drift' and 'missing' are shares of "
            "the same servers: they cannot be more than 100%% together");
    if (s->missing.percent > 0 && s->metrics == 1)
        return error_set(err, ERROR_USAGE,
                         "the simulation's 'missing' takes 'metrics' of 2 at least: the first one "
                         "is always there");
    return 0;
}

int simulation_parse(const char *spec, struct simulation *ret, struct error *err) {
    struct simulation s = {.servers = 10,
                           .seed = (uint64_t)(clock_wall() / CLOCK_US) % 1000000,
                           .delay_min = CLOCK_S,
                           .delay_max = 10 * CLOCK_S,
                           .score_min = 0,
                           .score_max = 100,
                           .kinds = 1,
                           .metrics = 1,
                           .noise_percent = 1,
                           .slow.size_percent = 10,
                           .throttled.size_percent = 10,
                           .drift.size_percent = 10,
                           .bimodal.size_percent = 10};
    cleanup(free_ptr) char *copy = strdup(spec ? spec : "");
    if (!copy)
        return error_memory(err);
    unsigned seen = 0;
    for (char *rest = *copy ? copy : NULL, *item; (item = strsep(&rest, ","));)
        if (take_item(item, &seen, &s, err) != 0)
            return -1;
    if (conclude(seen, &s, err) != 0)
        return -1;
    *ret = s;
    return 0;
}

int simulation_servers(const struct simulation *s, struct servers *ret, struct error *err) {
    struct servers list = {0};
    int rc = vec_reserve(&list.items, &list.cap, s->servers, sizeof(*list.items));
    while (rc == 0 && list.count < s->servers) {
        struct str name = {0};
        str_add_int(&name, (int64_t)list.count + 1);
        struct server server = {.name = str_take(&name)};
        server.host = server.name ? strdup(server.name) : NULL;
        list.items[list.count++] = server;
        rc = server.host ? 0 : -1;
    }
    if (rc != 0) {
        servers_done(&list);
        return error_memory(err);
    }
    *ret = list;
    return 0;
}
