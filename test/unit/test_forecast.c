/* forecast: how long a run will take, by a schedule worked out by hand. */
#include "policy/forecast.h"

#include "base/clock.h"
#include "test.h"

#include <math.h>
#include <string.h>

static void is(double got, double expected) {
    assert_float_equal(got, expected, 1e-9);
}

static void workers_take_the_next_server_when_they_are_free(UNUSED void **state) {
    double one[] = {3, 1, 2};
    is(forecast_spread(one, 3, 1, false), 6);
    double two[] = {3, 1, 2, 5}; /* 3+5 and 1+2: the last one begins at 3 */
    is(forecast_spread(two, 4, 2, false), 8);
    is(forecast_spread(two, 4, 2, true), 6); /* 5+1 and 3+2 */
    double many[] = {1, 2, 3};
    is(forecast_spread(many, 3, 100, false), 3);
    is(forecast_spread(NULL, 0, 4, false), 0);
    double equal[1000];
    for (size_t i = 0; i < 1000; i++)
        equal[i] = 0.5;
    is(forecast_spread(equal, 1000, 32, false), 16); /* 31 to 32 each */
}

static void what_is_not_known_takes_the_mean_of_what_is(UNUSED void **state) {
    struct plan plan = {.fanout = 1, .server_timeout = 60 * CLOCK_S, .run_timeout = DEADLINE_NEVER};
    struct forecast f;
    struct error err;
    double some[] = {2, NAN, 4};
    assert_int_equal(forecast_make(&plan, some, 3, 100, &f, &err), 0);
    is(f.seconds, 9);
    is(f.at_most, 180);
    assert_int_equal(f.known, 2);
    assert_int_equal(f.source, FORECAST_HISTORY);
    double none[] = {NAN, NAN};
    assert_int_equal(forecast_make(&plan, none, 2, 5, &f, &err), 0);
    is(f.seconds, 10);
    assert_int_equal(f.source, FORECAST_DEFAULTS);
    assert_int_equal(forecast_make(&plan, none, 2, NAN, &f, &err), 0);
    assert_true(isnan(f.seconds));
    assert_int_equal(f.source, FORECAST_NONE);
}

static void deadlines_bound_it(UNUSED void **state) {
    struct plan plan = {.fanout = 4, .server_timeout = 60 * CLOCK_S, .run_timeout = 90 * CLOCK_S};
    struct forecast f;
    struct error err;
    double took[9] = {0};
    assert_int_equal(forecast_make(&plan, took, 9, 0, &f, &err), 0);
    is(f.at_most, 90);
    plan.run_timeout = DEADLINE_NEVER;
    assert_int_equal(forecast_make(&plan, took, 9, 0, &f, &err), 0);
    is(f.at_most, 180);
    plan.server_timeout = DEADLINE_NEVER;
    assert_int_equal(forecast_make(&plan, took, 9, 0, &f, &err), 0);
    assert_true(isnan(f.at_most));
}

static void built_in_benchmarks_take_what_their_parameters_say(UNUSED void **state) {
    struct benchmark_plan cpu = {.name = "cpu", .trials = 3, .parameters = (char *)"{}"};
    struct plan plan = {.benchmarks = &cpu, .benchmark_count = 1};
    double usual = forecast_defaults(&plan);
    assert_true(usual > 3 && usual < 15);
    cpu.trials = 6;
    is(forecast_defaults(&plan), 2 * usual);
    cpu.parameters = (char *)"{\"duration\":10000000000}";
    assert_true(forecast_defaults(&plan) > 6 * 7 * 10);
    cpu.command = "true";
    assert_true(isnan(forecast_defaults(&plan)));
    plan.benchmark_count = 0;
    is(forecast_defaults(&plan), 0);
    for (const struct builtin *b = builtins; b->name; b++) {
        struct benchmark_plan each = {.name = b->name, .trials = 1};
        struct plan of_it = {.benchmarks = &each, .benchmark_count = 1};
        if (!(forecast_defaults(&of_it) > 0))
            fail_msg("nothing says how long %s takes", b->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_take_the_next_server_when_they_are_free),
        cmocka_unit_test(what_is_not_known_takes_the_mean_of_what_is),
        cmocka_unit_test(deadlines_bound_it),
        cmocka_unit_test(built_in_benchmarks_take_what_their_parameters_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
