/* compare: two cohorts in, what changed out. */
#include "test.h"

#include "policy/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Adds `n` servers of this kind, named from `first` on, each with one value of `metric`. */
static void add(struct cohort *c, const char *kind, int first, int n, const char *metric,
                bool lower, double value, double noise) {
    struct error err;
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%02d", first + i);
        size_t row = 0;
        while (row < c->server_count && strcmp(c->servers[row].name, name) != 0)
            row++;
        if (row == c->server_count)
            assert_int_equal(cohort_add_server(c, name, kind, &err), 0);
        /* The same for a server at any time, and as often above as below. */
        double off = noise * ((double)((first + i) * 7 % 11) / 10 - 0.5);
        assert_int_equal(
            cohort_add_value(c, row, "memory", metric, "GB/s", lower, value * (1 + off), &err), 0);
    }
}

static struct cohort before, after;
static struct comparison result;

static void compared(void) {
    struct error err;
    assert_int_equal(compare_runs(&before, &after, COMPARE_PERCENT, &result, &err), 0);
}

static int done(UNUSED void **state) {
    cohort_done(&before);
    cohort_done(&after);
    comparison_done(&result);
    return 0;
}

static void a_kind_that_got_slower_is_worse(UNUSED void **state) {
    add(&before, "a", 0, 10, "triad", false, 100, 0.02);
    add(&after, "a", 0, 10, "triad", false, 94, 0.02);
    add(&before, "b", 20, 10, "triad", false, 200, 0.02);
    add(&after, "b", 20, 10, "triad", false, 201, 0.02);
    compared();
    assert_int_equal(result.metric_count, 2);
    struct compare_metric *m = &result.metrics[0];
    assert_string_equal(m->kind, "a");
    assert_true(m->paired && m->pairs == 10);
    assert_float_equal(m->ratio, 0.94, 1e-9);
    assert_float_equal(m->percent, -6, 1e-9);
    assert_true(m->interval.low <= m->ratio && m->ratio <= m->interval.high);
    assert_true(m->interval.coverage >= 0.975); /* of two metrics, each has half of the 5 % */
    assert_int_equal(m->change, COMPARE_WORSE);
    assert_int_equal(result.metrics[1].change, COMPARE_SAME);
    assert_int_equal(result.move_count, 0);
    assert_true(compare_worse(&result, &before, &after));
}

static void lower_is_better_turns_it_round(UNUSED void **state) {
    add(&before, "a", 0, 8, "latency", true, 100, 0);
    add(&after, "a", 0, 8, "latency", true, 90, 0);
    add(&before, "a", 0, 8, "jitter", true, 10, 0);
    add(&after, "a", 0, 8, "jitter", true, 11, 0);
    compared();
    assert_int_equal(result.metrics[0].change, COMPARE_BETTER);
    assert_float_equal(result.metrics[0].percent, 10, 1e-9);
    assert_int_equal(result.metrics[1].change, COMPARE_WORSE);
}

static void small_changes_do_not_count(UNUSED void **state) {
    add(&before, "a", 0, 50, "triad", false, 100, 0);
    add(&after, "a", 0, 50, "triad", false, 97.5, 0);
    compared();
    assert_int_equal(result.metrics[0].change, COMPARE_SAME);
    assert_false(compare_worse(&result, &before, &after));
    comparison_done(&result);
    struct error err;
    assert_int_equal(compare_runs(&before, &after, 2, &result, &err), 0);
    assert_int_equal(result.metrics[0].change, COMPARE_WORSE);
}

static void five_servers_are_too_few_and_six_are_enough(UNUSED void **state) {
    add(&before, "a", 0, 5, "triad", false, 100, 0);
    add(&after, "a", 0, 5, "triad", false, 50, 0);
    add(&before, "b", 20, 6, "triad", false, 100, 0);
    add(&after, "b", 20, 6, "triad", false, 50, 0);
    compared();
    assert_int_equal(result.metrics[0].change, COMPARE_UNSURE);
    assert_float_equal(result.metrics[0].ratio, 0.5, 1e-9);
    assert_true(isnan(result.metrics[0].interval.low));
    assert_int_equal(result.metrics[1].change, COMPARE_WORSE);
    assert_float_equal(result.metrics[1].interval.coverage, 1 - 1.0 / 32, 1e-12);
}

/* Servers were replaced: none is in both runs, so the two sets are compared. */
static void other_servers_of_the_kind_are_compared_as_sets(UNUSED void **state) {
    add(&before, "a", 0, 12, "triad", false, 100, 0.02);
    add(&after, "a", 50, 12, "triad", false, 90, 0.02);
    add(&before, "b", 20, 4, "triad", false, 100, 0.02);
    add(&after, "b", 80, 4, "triad", false, 120, 0.02);
    compared();
    assert_false(result.metrics[0].paired);
    assert_float_equal(result.metrics[0].ratio, 0.9, 0.01);
    assert_int_equal(result.metrics[0].change, COMPARE_WORSE);
    assert_int_equal(result.metrics[1].change, COMPARE_BETTER);
    assert_float_equal(result.metrics[1].interval.coverage, 1 - 2.0 / 70, 1e-12);
    assert_int_equal(result.server_count, 32);
}

static void a_server_that_left_its_kind_has_moved(UNUSED void **state) {
    struct error err;
    add(&before, "a", 0, 40, "triad", false, 100, 0.02);
    add(&after, "a", 0, 40, "triad", false, 98, 0.021);
    assert_int_equal(cohort_add_value(&after, 7, "memory", "triad", "GB/s", false, 80, &err), 0);
    assert_int_equal(cohort_add_value(&after, 9, "memory", "triad", "GB/s", false, 130, &err), 0);
    compared();
    assert_int_equal(result.move_count, 2);
    assert_string_equal(result.servers[result.moves[0].server].name, "s07");
    assert_true(result.moves[0].percent < -15);
    assert_string_equal(result.servers[result.moves[1].server].name, "s09");
    assert_true(result.moves[1].percent > 25);
    assert_int_equal(result.metrics[0].change, COMPARE_SAME);
}

static void verdicts_that_changed(UNUSED void **state) {
    add(&before, "a", 0, 6, "triad", false, 100, 0);
    add(&after, "a", 1, 6, "triad", false, 100, 0);
    before.servers[1].verdict = VERDICT_FAILED;                            /* s01 */
    after.servers[1].verdict = VERDICT_ERROR;                              /* s02 */
    before.servers[3].verdict = after.servers[2].verdict = VERDICT_FAILED; /* s03, both */
    after.servers[3].verdict = VERDICT_CANCELLED;                          /* s04 */
    after.servers[5].verdict = VERDICT_FAILED;                             /* s06, new */
    compared();
    for (size_t i = 0; i < result.server_count; i++) {
        const struct compare_server *s = &result.servers[i];
        assert_int_equal(compare_newly_failing(&before, &after, s), strcmp(s->name, "s02") == 0);
        assert_int_equal(compare_newly_passing(&before, &after, s), strcmp(s->name, "s01") == 0);
        assert_int_equal(s->after == COMPARE_NONE, strcmp(s->name, "s00") == 0);
        assert_int_equal(s->before == COMPARE_NONE, strcmp(s->name, "s06") == 0);
    }
    assert_int_equal(result.metrics[0].change, COMPARE_UNSURE);
    assert_true(compare_worse(&result, &before, &after));
}

static void a_renamed_server_is_known_by_its_machine(UNUSED void **state) {
    add(&before, "a", 0, 3, "triad", false, 100, 0);
    add(&after, "a", 1, 3, "triad", false, 100, 0);
    before.servers[0].machine = strdup("board 1"); /* s00 */
    after.servers[2].machine = strdup("board 1");  /* s03 */
    compared();
    assert_int_equal(result.server_count, 3);
    assert_int_equal(result.metrics[0].pairs, 3);
    comparison_done(&result);
    /* Copies of one image have one machine-id: that identifies none. */
    before.servers[1].machine = strdup("board 1");
    compared();
    assert_int_equal(result.server_count, 4);
}

static void the_kind_is_the_later_one_where_it_is_known(UNUSED void **state) {
    add(&before, "a", 0, 1, "triad", false, 100, 0);
    add(&after, "c", 0, 1, "triad", false, 100, 0);
    add(&before, "b", 1, 1, "triad", false, 100, 0);
    add(&after, COHORT_UNKNOWN, 1, 1, "triad", false, 100, 0);
    compared();
    assert_int_equal(result.metric_count, 2);
    assert_string_equal(result.metrics[0].kind, "b");
    assert_string_equal(result.metrics[1].kind, "c");
}

static void what_has_no_ratio_is_left_out(UNUSED void **state) {
    add(&before, "a", 0, 8, "triad", false, 0, 0);
    add(&after, "a", 0, 8, "triad", false, 5, 0);
    add(&before, "a", 0, 8, "gone", false, 5, 0);
    add(&after, "a", 0, 8, "come", false, -5, 0);
    compared();
    assert_int_equal(result.metric_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(result.metrics[i].change, COMPARE_UNSURE);
        assert_true(isnan(result.metrics[i].ratio));
    }
    assert_int_equal(result.move_count, 0);
    comparison_done(&result);
    struct cohort none = {0};
    struct error err;
    assert_int_equal(compare_runs(&none, &none, 3, &result, &err), 0);
    assert_int_equal(result.metric_count + result.server_count, 0);
}

static unsigned short dice[3];

static double normal(void) {
    double radius = sqrt(-2 * log(1 - erand48(dice)));
    return radius * cos(6.283185307179586 * erand48(dice));
}

/* `n` servers with 20 metrics; the first metric is by `change` lower. */
static void measure(struct cohort *c, int n, double noise, double change) {
    struct error err;
    for (int i = 0; i < n; i++) {
        char server[16];
        snprintf(server, sizeof(server), "s%d", i);
        assert_int_equal(cohort_add_server(c, server, "a", &err), 0);
        for (int m = 0; m < 20; m++) {
            char metric[16];
            snprintf(metric, sizeof(metric), "m%d", m);
            double value = 100 * (1 + noise * normal()) * (m == 0 ? 1 - change : 1);
            assert_int_equal(
                cohort_add_value(c, (size_t)i, "memory", metric, "GB/s", false, value, &err), 0);
        }
    }
}

struct rates {
    double false_alarms; /* share of comparisons with a metric that is worse and should not be */
    double found;        /* ... in which the metric that should be worse is */
};

static struct rates rates_of(int n, double noise, double change) {
    enum { ROUNDS = 400 };
    int alarms = 0, found = 0;
    memcpy(dice, (unsigned short[]){1, 2, 3}, sizeof(dice));
    for (int round = 0; round < ROUNDS; round++) {
        measure(&before, n, noise, 0);
        measure(&after, n, noise, change);
        compared();
        bool alarm = false;
        for (size_t m = 1; m < result.metric_count; m++)
            alarm |= result.metrics[m].change == COMPARE_WORSE;
        alarms += alarm;
        found += result.metrics[0].change == COMPARE_WORSE;
        done(NULL);
    }
    struct rates r = {(double)alarms / ROUNDS, (double)found / ROUNDS};
    print_message(
        "# %3d servers, 20 metrics, noise %.0f %%, one worse by %.0f %%: found in %.1f %%, "
        "another one falsely in %.1f %%\n",
        n, 100 * noise, 100 * change, 100 * r.found, 100 * r.false_alarms);
    return r;
}

/* The table of docs/JUDGEMENT.md. */
static void noise_alone_is_hardly_ever_worse(UNUSED void **state) {
    static const struct {
        int n;
        double noise, change, most_alarms, least_found;
    } cases[] = {
        {6, 0.01, 0.05, 0.01, 0.98},  {10, 0.01, 0.05, 0.01, 0.98}, {6, 0.05, 0.05, 0.25, 0},
        {10, 0.05, 0.05, 0.05, 0.03}, {40, 0.05, 0.05, 0.05, 0.5},  {40, 0.05, 0.1, 0.05, 0.98},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rates r = rates_of(cases[i].n, cases[i].noise, cases[i].change);
        assert_true(r.false_alarms <= cases[i].most_alarms);
        assert_true(r.found >= cases[i].least_found);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_kind_that_got_slower_is_worse, done),
        cmocka_unit_test_teardown(lower_is_better_turns_it_round, done),
        cmocka_unit_test_teardown(small_changes_do_not_count, done),
        cmocka_unit_test_teardown(five_servers_are_too_few_and_six_are_enough, done),
        cmocka_unit_test_teardown(other_servers_of_the_kind_are_compared_as_sets, done),
        cmocka_unit_test_teardown(a_server_that_left_its_kind_has_moved, done),
        cmocka_unit_test_teardown(verdicts_that_changed, done),
        cmocka_unit_test_teardown(a_renamed_server_is_known_by_its_machine, done),
        cmocka_unit_test_teardown(the_kind_is_the_later_one_where_it_is_known, done),
        cmocka_unit_test_teardown(what_has_no_ratio_is_left_out, done),
        cmocka_unit_test_teardown(noise_alone_is_hardly_ever_worse, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
