/* cohort: what was measured, side by side. */
#include "test.h"

#include "policy/cohort.h"

#include <math.h>
#include <string.h>

static struct error err;

static void puts_numbers_of_many_servers_side_by_side(UNUSED void **state) {
    struct metric metrics[] = {{.name = "copy", .unit = "GB/s", .value = 90},
                               {.name = "triad", .unit = "GB/s", .value = 100}};
    struct benchmark_result b[] = {
        {.benchmark = "memory",
         .metric = "triad",
         .unit = "GB/s",
         .value = 100,
         .metrics = metrics,
         .metric_count = 2},
        {.benchmark = "latency",
         .metric = "p99",
         .unit = "us",
         .value = 3,
         .lower_is_better = true},
    };
    struct server_result r = {.benchmarks = b, .benchmark_count = 2};
    struct cohort c = {0};
    assert_int_equal(cohort_add(&c, "a", &r, &err), 0);
    metrics[1].value = -1;
    r.benchmark_count = 1;
    assert_int_equal(cohort_add(&c, "b", &r, &err), 0);

    assert_int_equal(c.server_count, 2);
    assert_int_equal(c.metric_count, 3);
    assert_string_equal(c.metrics[1].metric, "triad");
    assert_true(c.metrics[1].judged);
    assert_false(c.metrics[0].judged);
    assert_true(c.metrics[1].values[0] == 100 && c.metrics[1].values[1] == -1);
    assert_true(c.metrics[2].judged && c.metrics[2].lower_is_better);
    assert_true(c.metrics[2].values[0] == 3 && isnan(c.metrics[2].values[1]));
    assert_string_equal(c.servers[1].kind, COHORT_UNKNOWN);
    assert_true(c.servers[1].measured);
    cohort_done(&c);
}

static void takes_no_numbers_of_what_broke(UNUSED void **state) {
    struct benchmark_result b[] = {
        {.benchmark = "cpu",
         .verdict = VERDICT_FAILED,
         .reason = REASON_WRONG_RESULT,
         .metric = "ops",
         .value = 5},
        {.benchmark = "disk",
         .verdict = VERDICT_ERROR,
         .reason = REASON_TIMEOUT,
         .metric = "read",
         .value = 5},
        {.benchmark = "memory",
         .verdict = VERDICT_FAILED,
         .reason = REASON_BELOW_THRESHOLD,
         .metric = "triad",
         .value = 5},
    };
    struct server_result r = {
        .verdict = VERDICT_ERROR, .reason = REASON_TIMEOUT, .benchmarks = b, .benchmark_count = 3};
    struct cohort c = {0};
    assert_int_equal(cohort_add(&c, "a", &r, &err), 0);
    assert_int_equal(c.metric_count, 1);
    assert_string_equal(c.metrics[0].benchmark, "memory");
    assert_false(c.servers[0].measured);
    cohort_done(&c);
}

static void takes_what_is_no_number_as_not_measured(UNUSED void **state) {
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -2};
    struct cohort c = {0};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(cohort_add_server(&c, "a", "k", &err), 0);
        assert_int_equal(cohort_add_value(&c, i, "x", "m", NULL, false, odd[i], &err), 0);
    }
    const double *v = c.metrics[0].values;
    assert_true(isnan(v[0]) && isnan(v[1]) && isnan(v[2]) && v[3] == 0 && v[4] == -2);
    cohort_done(&c);
}

static void keeps_other_units_apart(UNUSED void **state) {
    struct cohort c = {0};
    assert_int_equal(cohort_add_server(&c, "a", NULL, &err), 0);
    assert_int_equal(cohort_add_value(&c, 0, "x", "m", "GB/s", false, 1, &err), 0);
    assert_int_equal(cohort_add_value(&c, 0, "x", "m", "MB/s", false, 1000, &err), 0);
    assert_int_equal(cohort_add_value(&c, 0, "x", "m", "GB/s", true, 2, &err), 0);
    assert_int_equal(cohort_add_value(&c, 0, "x", "m", "GB/s", false, 3, &err), 0);
    assert_int_equal(c.metric_count, 3);
    assert_true(c.metrics[0].values[0] == 3);
    cohort_done(&c);
}

/* Rows and columns come in any order, and grow past their first room. */
static void has_every_row_in_every_column(UNUSED void **state) {
    struct cohort c = {0};
    char name[16];
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(cohort_add_server(&c, "s", "k", &err), 0);
        snprintf(name, sizeof(name), "m%zu", i);
        assert_int_equal(cohort_add_value(&c, i, "x", name, NULL, false, (double)i, &err), 0);
    }
    for (size_t m = 0; m < 100; m++)
        for (size_t i = 0; i < 100; i++)
            assert_true(i == m ? c.metrics[m].values[i] == (double)i
                               : isnan(c.metrics[m].values[i]));
    cohort_done(&c);
}

static void groups_servers_by_kind(UNUSED void **state) {
    static const char *const kinds[] = {"b", "a", NULL, "b", "a", "b"};
    static const char *const disks[] = {"nvme", NULL, NULL, "sata", NULL, "nvme"};
    struct cohort c = {0};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(cohort_add_server(&c, "s", kinds[i], &err), 0);
        c.servers[i].disk = disks[i];
    }
    struct cohort_kinds k;
    assert_int_equal(cohort_kinds(&c, false, &k, &err), 0);
    assert_int_equal(k.count, 3);
    assert_string_equal(k.items[0].kind, "a");
    assert_int_equal(k.items[0].count, 2);
    assert_int_equal(k.items[1].count, 3);
    assert_int_equal(k.items[1].rows[0], 0);
    assert_int_equal(k.items[1].rows[2], 5);
    assert_string_equal(k.items[2].kind, COHORT_UNKNOWN);
    cohort_kinds_done(&k);

    assert_int_equal(cohort_kinds(&c, true, &k, &err), 0);
    assert_int_equal(k.count, 4);
    assert_string_equal(k.items[1].disk, "nvme");
    assert_int_equal(k.items[1].count, 2);
    assert_int_equal(k.items[1].rows[1], 5);
    cohort_kinds_done(&k);
    cohort_done(&c);
}

static void groups_nobody_into_nothing(UNUSED void **state) {
    struct cohort c = {0};
    struct cohort_kinds k;
    assert_int_equal(cohort_kinds(&c, false, &k, &err), 0);
    assert_int_equal(k.count, 0);
    cohort_kinds_done(&k);
    cohort_done(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_numbers_of_many_servers_side_by_side),
        cmocka_unit_test(takes_no_numbers_of_what_broke),
        cmocka_unit_test(takes_what_is_no_number_as_not_measured),
        cmocka_unit_test(keeps_other_units_apart),
        cmocka_unit_test(has_every_row_in_every_column),
        cmocka_unit_test(groups_servers_by_kind),
        cmocka_unit_test(groups_nobody_into_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
