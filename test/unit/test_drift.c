/* What drift promises. */
#include "test.h"

#include "policy/drift.h"

#include <math.h>

/* Values around `level` with noise of 1 %, the same each time. */
static void add(double *values, size_t *n, double level, size_t count) {
    static const double noise[] = {0.3,  -1.1, 0.8, -0.2, 1.2,  -0.7, 0.1, -0.4, 0.9,
                                   -1.3, -0.1, 0.6, 1.0,  -0.9, 0.2,  0.5, -0.6, 0};
    for (size_t i = 0; i < count; i++, ++*n)
        values[*n] = level * (1 + noise[*n % (sizeof(noise) / sizeof(noise[0]))] / 100);
}

static void a_steady_server_has_not_drifted(UNUSED void **state) {
    struct drift d;
    double values[30];
    size_t n = 0;
    add(values, &n, 100, 30);
    for (size_t i = 0; i <= n; i++)
        assert_false(drift_find(values, i, false, &d) || drift_find(values, i, true, &d));
}

static void a_lasting_step_is_found_and_dated(UNUSED void **state) {
    struct drift d;
    double values[30];
    size_t n = 0;
    add(values, &n, 100, 9);
    add(values, &n, 88, 3);
    assert_true(drift_find(values, n, false, &d));
    assert_int_equal(d.first, 9);
    assert_float_equal(d.before, 100, 1);
    assert_float_equal(d.after, 88, 1);
    assert_float_equal(d.percent, -12, 1);
    assert_true(d.p <= DRIFT_P);
    assert_false(drift_find(values, n, true, &d)); /* where lower is better, it is faster */
    add(values, &n, 88, 18);
    assert_true(drift_find(values, n, false, &d));
    assert_int_equal(d.first, 9);
}

static void where_lower_is_better_a_step_up_is_worse(UNUSED void **state) {
    struct drift d;
    double values[20];
    size_t n = 0;
    add(values, &n, 50, 8);
    add(values, &n, 60, 5);
    assert_true(drift_find(values, n, true, &d));
    assert_int_equal(d.first, 8);
    assert_float_equal(d.percent, -20, 2);
    assert_false(drift_find(values, n, false, &d));
}

static void bad_runs_that_do_not_last_are_no_drift(UNUSED void **state) {
    struct drift d;
    double values[20];
    size_t n = 0;
    add(values, &n, 100, 12);
    values[6] = 60;
    assert_false(drift_find(values, n, false, &d));
    values[11] = 60; /* the last one too */
    assert_false(drift_find(values, n, false, &d));
    values[6] = 100.5;
    values[10] = 61; /* the last two */
    assert_false(drift_find(values, n, false, &d));
}

static void a_server_that_recovered_has_not_drifted(UNUSED void **state) {
    struct drift d;
    double values[30];
    size_t n = 0;
    add(values, &n, 100, 8);
    add(values, &n, 85, 8);
    assert_true(drift_find(values, n, false, &d));
    add(values, &n, 100, 8);
    assert_false(drift_find(values, n, false, &d));
}

/* Half a recovery: it is compared with the level that it has not been back at. */
static void the_latest_better_level_is_the_measure(UNUSED void **state) {
    struct drift d;
    double values[30];
    size_t n = 0;
    add(values, &n, 100, 8);
    add(values, &n, 80, 8);
    add(values, &n, 90, 8);
    assert_true(drift_find(values, n, false, &d));
    assert_int_equal(d.first, 8);
    assert_float_equal(d.percent, -10, 1.5);

    n = 0; /* faster by a new firmware, and slow again */
    add(values, &n, 80, 8);
    add(values, &n, 100, 8);
    add(values, &n, 85, 8);
    assert_true(drift_find(values, n, false, &d));
    assert_int_equal(d.first, 16);
    assert_float_equal(d.before, 100, 1);
}

static void a_step_of_less_than_three_percent_is_none(UNUSED void **state) {
    struct drift d;
    double values[30];
    for (size_t i = 0; i < 30; i++)
        values[i] = i < 15 ? 100 : 97.5;
    assert_false(drift_find(values, 30, false, &d));
    for (size_t i = 15; i < 30; i++)
        values[i] = 96.5;
    assert_true(drift_find(values, 30, false, &d));
    assert_int_equal(d.first, 15);
}

static void values_without_a_percentage_do_no_harm(UNUSED void **state) {
    struct drift d;
    double values[12] = {0, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5};
    assert_false(drift_find(values, 12, true, &d));
    for (size_t i = 0; i < 12; i++)
        values[i] = i < 6 ? -10 : -20;
    assert_false(drift_find(values, 12, false, &d));
    for (size_t i = 0; i < 12; i++)
        values[i] = i < 6 ? 10 : 0;
    assert_true(drift_find(values, 12, false, &d));
    assert_float_equal(d.percent, -100, 1e-9);
    values[3] = NAN;
    assert_false(drift_find(values, 12, false, &d));
    values[3] = INFINITY;
    assert_false(drift_find(values, 12, false, &d));
    assert_false(drift_find(NULL, 0, false, &d));
}

static void says_how_much_and_since_when(UNUSED void **state) {
    const int64_t started[] = {0, INT64_C(1790942400) * 1000000000};
    const struct history_series series = {.started = started, .count = 2};
    const struct drift d = {.first = 1};
    struct str out = {0};
    char day[DRIFT_DAY_SIZE];
    drift_day(&series, &d, day);
    drift_add(&out, -12.3, day);
    assert_string_equal(out.data, "-12 % since 2026-10-02");
    str_clear(&out);
    drift_add(&out, -3.44, day);
    assert_string_equal(out.data, "-3.4 % since 2026-10-02");
    str_done(&out);
}

/* Of servers whose values are noise, fewer than 1 in 1,000 may be called slower, noise of 3 %. */
static void noise_is_no_drift(UNUSED void **state) {
    uint64_t x = 88172645463325252u;
    size_t found = 0;
    for (int server = 0; server < 10000; server++) {
        double values[30];
        for (size_t i = 0; i < 30; i++) {
            double sum = -6; /* of twelve uniform numbers: nearly normal */
            for (int k = 0; k < 12; k++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                sum += (double)(x >> 11) / 9007199254740992.0;
            }
            values[i] = 100 * (1 + 0.03 * sum);
        }
        struct drift d;
        found += drift_find(values, 30, false, &d);
    }
    printf("# %zu of 10000 steady servers were called slower\n", found);
    assert_true(found < 10);
}

int main(void) {
    setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_server_has_not_drifted),
        cmocka_unit_test(a_lasting_step_is_found_and_dated),
        cmocka_unit_test(where_lower_is_better_a_step_up_is_worse),
        cmocka_unit_test(bad_runs_that_do_not_last_are_no_drift),
        cmocka_unit_test(a_server_that_recovered_has_not_drifted),
        cmocka_unit_test(the_latest_better_level_is_the_measure),
        cmocka_unit_test(a_step_of_less_than_three_percent_is_none),
        cmocka_unit_test(values_without_a_percentage_do_no_harm),
        cmocka_unit_test(says_how_much_and_since_when),
        cmocka_unit_test(noise_is_no_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
