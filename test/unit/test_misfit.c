/* misfit: baselines that could not score, told once for the run. */
#include "test.h"

#include "policy/misfit.h"

static struct error err;
static struct misfits m;
static struct findings found;

static int teardown(UNUSED void **state) {
    misfits_done(&m);
    findings_done(&found);
    return 0;
}

static void take(char *benchmark, char *source) {
    struct benchmark_result b = {
        .benchmark = benchmark, .metric = (char *)"score", .reference_source = source};
    struct server_result r = {.benchmarks = &b, .benchmark_count = 1};
    assert_int_equal(misfits_take(&m, &r, &err), 0);
}

static void tells_each_cause_once(UNUSED void **state) {
    char cpu[] = "cpu", gpu[] = "gpu", zero[] = "none; the baseline is 0",
         unit[] = "built-in; the baseline is in 's', not 'ms'";
    take(gpu, unit);
    take(cpu, zero);
    take(cpu, zero);
    take(gpu, zero);
    assert_int_equal(misfits_tell(&m, &found, &err), 0);
    assert_int_equal(found.note_count, 3);
    assert_string_equal(found.notes[0],
                        "cpu score of 2 servers was not scored by its baseline: the baseline is 0");
    assert_string_equal(found.notes[1],
                        "gpu score of 1 server was not scored by its baseline: the baseline is 0");
    assert_string_equal(found.notes[2], "gpu score of 1 server was not scored by its baseline: the "
                                        "baseline is in 's', not 'ms'");
}

static void tells_nothing_of_what_scored(UNUSED void **state) {
    char cpu[] = "cpu", run[] = "baseline none; odd", own[] = "configuration", built[] = "built-in";
    take(cpu, run);
    take(cpu, own);
    take(cpu, built);
    take(cpu, NULL);
    struct benchmark_result crashed = {.benchmark = cpu};
    struct server_result r = {.benchmarks = &crashed, .benchmark_count = 1};
    assert_int_equal(misfits_take(&m, &r, &err), 0);
    assert_int_equal(misfits_tell(&m, &found, &err), 0);
    assert_int_equal(found.note_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(tells_each_cause_once, teardown),
        cmocka_unit_test_teardown(tells_nothing_of_what_scored, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
