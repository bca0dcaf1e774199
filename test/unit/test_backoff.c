/* What policy/backoff promises. */
#include "test.h"

#include "base/attr.h"
#include "policy/backoff.h"

#include <stdio.h>

#define SERVERS 1000

static int64_t pause_of(int i, int attempt, int64_t longest) {
    char name[16];
    snprintf(name, sizeof(name), "web%d", i);
    return backoff_pause("20261123-120000-abcdef", name, attempt, longest);
}

static void the_limit_doubles_up_to_the_longest(UNUSED void **state) {
    static const int64_t limits[] = {2, 4, 8, 16, 30, 30, 30};
    for (size_t a = 0; a < ARRAY_LEN(limits); a++) {
        int64_t limit = limits[a] * 1000000000, least = limit, most = 0;
        for (int i = 0; i < SERVERS; i++) {
            int64_t pause = pause_of(i, (int)a + 1, BACKOFF_LONGEST);
            least = pause < least ? pause : least;
            most = pause > most ? pause : most;
        }
        assert_true(least >= limit / 2 && least < limit / 100 * 55);
        assert_true(most <= limit && most > limit / 100 * 95);
    }
    assert_true(pause_of(1, 1000000, BACKOFF_LONGEST) < BACKOFF_LONGEST);
    assert_in_range(pause_of(1, 3, 1), 0, 1);
}

/* Of servers lost together, the fifth part comes back in each fifth of that half. */
static void pauses_are_spread_over_half_of_it(UNUSED void **state) {
    for (int attempt = 1; attempt <= 3; attempt++) {
        int tenths[10] = {0};
        for (int i = 0; i < SERVERS; i++)
            tenths[pause_of(i, attempt, BACKOFF_LONGEST) * 10 / (BACKOFF_FIRST << (attempt - 1))]++;
        for (int i = 5; i < 10; i++)
            if (tenths[i] < SERVERS / 5 / 2 || tenths[i] > SERVERS / 5 * 2)
                fail_msg("attempt %d: %d servers in tenth %d", attempt, tenths[i], i);
    }
}

static void the_same_names_wait_alike_and_others_differ(UNUSED void **state) {
    int64_t pause = backoff_pause("run", "web1", 1, BACKOFF_LONGEST);
    assert_int_equal(backoff_pause("run", "web1", 1, BACKOFF_LONGEST), pause);
    assert_int_not_equal(backoff_pause("run", "web2", 1, BACKOFF_LONGEST), pause);
    assert_int_not_equal(backoff_pause("ruN", "web1", 1, BACKOFF_LONGEST), pause);
    assert_int_not_equal(backoff_pause("run", "web1", 2, BACKOFF_LONGEST), pause);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_doubles_up_to_the_longest),
        cmocka_unit_test(pauses_are_spread_over_half_of_it),
        cmocka_unit_test(the_same_names_wait_alike_and_others_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
