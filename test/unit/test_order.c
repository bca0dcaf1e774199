/* What policy/order promises. */
#include "test.h"

#include "base/hash.h"
#include "policy/order.h"

#include <math.h>

static void order_is(const struct history_expected *items, const size_t *wanted, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_int_equal(items[i].position, wanted[i]);
}

static void the_longest_come_first(UNUSED void **state) {
    struct history_expected items[] = {{0, 1.5}, {1, 60}, {2, 0}, {4, 59.9}, {7, 3}};
    order_longest_first(items, 5);
    order_is(items, (size_t[]){1, 4, 7, 0, 2}, 5);
}

static void unknown_ones_come_before_the_longest(UNUSED void **state) {
    struct history_expected items[] = {{0, 5}, {1, NAN}, {2, 60}, {3, NAN}, {4, 7}};
    order_longest_first(items, 5);
    order_is(items, (size_t[]){1, 3, 2, 4, 0}, 5);
}

static void what_is_alike_stays_in_its_order(UNUSED void **state) {
    struct history_expected items[200];
    for (size_t i = 0; i < 200; i++)
        items[i] = (struct history_expected){i, i % 2 ? 4 : 2};
    order_longest_first(items, 200);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(items[i].position, 2 * i + 1);
        assert_int_equal(items[100 + i].position, 2 * i);
    }
    order_longest_first(items, 0);
    order_longest_first(NULL, 0);
}

/* Each to the worker that is free first. */
static double makespan(const struct history_expected *items, size_t n, size_t workers) {
    double free_at[100] = {0}, last = 0;
    for (size_t i = 0; i < n; i++) {
        size_t first = 0;
        for (size_t w = 1; w < workers; w++)
            first = free_at[w] < free_at[first] ? w : first;
        free_at[first] += items[i].seconds;
        last = fmax(last, free_at[first]);
    }
    return last;
}

/* Servers of 1 to 60 s, most of them short: against what no order can beat. */
static void a_fleet_ends_with_its_longest_or_all_workers_together(UNUSED void **state) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct history_expected items[1000];
        double total = 0, longest = 0;
        for (size_t i = 0; i < 1000; i++) {
            double u = hash_fraction(hash_mix(seed * 1000 + i));
            items[i] = (struct history_expected){i, 1 + 59 * pow(u, 4)};
            total += items[i].seconds;
            longest = fmax(longest, items[i].seconds);
        }
        double bound = fmax(longest, total / 100);
        double before = makespan(items, 1000, 100);
        order_longest_first(items, 1000);
        double after = makespan(items, 1000, 100);
        if (!(after < bound * 1.01) || !(before > bound * 1.05))
            fail_msg("seed %d: bound %g, in the order given %g, the longest first %g", (int)seed,
                     bound, before, after);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_come_first),
        cmocka_unit_test(unknown_ones_come_before_the_longest),
        cmocka_unit_test(what_is_alike_stays_in_its_order),
        cmocka_unit_test(a_fleet_ends_with_its_longest_or_all_workers_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
