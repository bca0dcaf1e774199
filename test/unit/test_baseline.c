/* Baselines: kept in order and found again, learned, written and read. */
#include "test.h"

#include "model/baseline.h"

#include <math.h>
#include <string.h>

static struct baseline some(const char *kind, const char *benchmark, const char *metric,
                            double median) {
    return (struct baseline){.kind = (char *)kind,
                             .benchmark = (char *)benchmark,
                             .metric = (char *)metric,
                             .unit = (char *)"GB/s",
                             .median = median,
                             .scale = median / 100,
                             .count = 31,
                             .run = (char *)"20261122-111344-7f3a2c",
                             .taken = INT64_C(1795346024123) * 1000000};
}

static void put(struct baselines *list, struct baseline b) {
    struct error err;
    if (baselines_put(list, &b, &err) < 0)
        fail_msg("%s", err.text);
}

static void each_stands_once_in_its_order(UNUSED void **state) {
    cleanup(baselines_done) struct baselines list = {0};
    assert_null(baselines_find(&list, "a", "cpu", "all"));
    put(&list, some("b", "cpu", "all", 1));
    put(&list, some("a", "memory", "triad", 2));
    put(&list, some("a", "memory", "copy", 3));
    put(&list, some("a", "cpu", "one", 4));
    put(&list, some("a", "memory", "triad", 5));
    assert_int_equal(list.count, 4);
    double medians[] = {4, 3, 5, 1};
    for (size_t i = 0; i < list.count; i++)
        assert_true(list.items[i].median == medians[i]);
    assert_ptr_equal(baselines_find(&list, "a", "memory", "triad"), &list.items[2]);
    assert_ptr_equal(baselines_find(&list, "b", "cpu", "all"), &list.items[3]);
    assert_null(baselines_find(&list, "b", "cpu", "one"));
    assert_null(baselines_find(&list, "c", "cpu", "all"));
    assert_null(baselines_find(&list, "", "", ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stands_once_in_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
