/* What live/board and live/estimate promise. */
#include "base/clock.h"
#include "live/board.h"
#include "live/estimate.h"
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static struct board *new_board(size_t benchmarks, size_t total) {
    struct error err;
    struct board *b;
    struct run run = {.total = total};
    assert_int_equal(board_new(benchmarks, &b, &err), 0);
    board_start(b, &run, 2);
    return b;
}

static void names_the_servers_that_were_begun_first(UNUSED void **state) {
    struct board *b = new_board(2, 20);
    struct spot spots[10];
    char names[10][4];
    for (int i = 0; i < 10; i++) {
        snprintf(names[i], sizeof(names[i]), "s%d", i);
        board_begin(b, &spots[i], names[i]);
    }
    board_benchmark(&spots[1], 1, "cpu");
    board_trial(&spots[1], 2, clock_now() + 60 * CLOCK_S);
    board_end(&spots[0]);
    board_end(&spots[3]);
    board_end(&spots[9]);

    struct board_view v;
    assert_true(board_look(b, &v));
    assert_int_equal(v.running, 7);
    assert_int_equal(v.longest_count, 7);
    const char *want[] = {"s1", "s2", "s4", "s5", "s6", "s7", "s8"};
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(v.longest[i].server, want[i]);
    assert_string_equal(v.longest[0].benchmark, "cpu");
    assert_int_equal(v.longest[0].trial, 2);
    assert_true(fabs(v.longest[0].limit - 60) < 1);
    assert_null(v.longest[1].benchmark);
    assert_true(isnan(v.longest[1].limit));
    assert_int_equal(v.phases[0].begun, 10);
    assert_int_equal(v.phases[0].ended, 4);
    assert_int_equal(v.phases[1].begun, 1);
    assert_int_equal(board_waiting(&v), 13);
    board_view_done(&v);
    board_free(b);
}

static void keeps_the_newest_failures_in_whole_characters(UNUSED void **state) {
    struct board *b = new_board(0, 9);
    char detail[BOARD_DETAIL + 10];
    memset(detail, 'x', sizeof(detail));
    memcpy(detail + BOARD_DETAIL - 2, "\xc3\xbc", 3);
    board_failure(b, "a", REASON_AUTH, NULL);
    board_failure(b, "b", REASON_AUTH, "no");
    board_failure(b, "c", REASON_BUSY, "no");
    board_failure(b, "d", REASON_TIMEOUT, detail);
    struct board_view v;
    assert_true(board_look(b, &v));
    assert_int_equal(v.failure_count, BOARD_FAILURES);
    assert_string_equal(v.failures[0].server, "d");
    assert_int_equal(strlen(v.failures[0].detail), BOARD_DETAIL - 2);
    assert_string_equal(v.failures[2].server, "b");
    board_view_done(&v);
    board_free(b);
}

static void *work(void *b) {
    for (int i = 0; i < 2000; i++) {
        struct spot p;
        board_begin(b, &p, "s");
        board_benchmark(&p, 1, "cpu");
        board_trial(&p, 1, DEADLINE_NEVER);
        board_end(&p);
    }
    return NULL;
}

static void workers_and_who_looks_do_not_disturb_each_other(UNUSED void **state) {
    struct board *b = new_board(1, 8000);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, b), 0);
    struct board_view v;
    for (int i = 0; i < 200; i++) {
        assert_true(board_look(b, &v));
        assert_true(v.running <= 4 && v.longest_count == v.running);
        board_view_done(&v);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(board_look(b, &v));
    assert_int_equal(v.running, 0);
    assert_int_equal(v.phases[1].ended, 8000);
    assert_true(v.phases[1].so_far == 0);
    board_view_done(&v);
    board_free(b);
}

static void nobody_need_look(UNUSED void **state) {
    struct spot p;
    board_begin(NULL, &p, "s");
    board_benchmark(&p, 1, "cpu");
    board_trial(&p, 1, 0);
    board_end(&p);
    board_start(NULL, NULL, 0);
    board_totals(NULL, NULL);
    board_failure(NULL, "s", REASON_AUTH, NULL);
}

static double left(size_t total, size_t passed, size_t running, int fanout,
                   struct board_phase *phases, size_t count) {
    struct board_view v = {.total = total,
                           .passed = passed,
                           .running = running,
                           .judged = passed,
                           .fanout = fanout,
                           .phases = phases,
                           .phase_count = count};
    return estimate_left(&v);
}

static void about(double got, double want, double off) {
    if (!(fabs(got - want) <= off))
        fail_msg("%g is not within %g of %g", got, off, want);
}

static void says_how_long_it_will_take(UNUSED void **state) {
    /* 100 servers of 1 + 10 s each, 10 at a time, the second ten half through */
    struct board_phase even[] = {{20, 20, 20, 0}, {20, 10, 100, 50}};
    about(left(100, 10, 10, 10, even, 2), 5 + 8 * 11, 6);
    /* half of them cannot be reached, which takes a second */
    struct board_phase half[] = {{30, 20, 20, 10}, {10, 10, 100, 0}};
    about(left(100, 20, 10, 10, half, 2), 8 * 6, 6);
    /* one is left, 4 s before its end */
    struct board_phase last[] = {{10, 10, 10, 0}, {10, 9, 90, 6}};
    about(left(10, 9, 1, 10, last, 2), 4, 0.1);
}

static void the_quickest_are_not_taken_for_all(UNUSED void **state) {
    struct board_phase first[] = {{32, 32, 3.2, 0}, {32, 1, 1, 31 * 8.}};
    double got = left(32, 1, 31, 32, first, 2);
    assert_true(got > 3);
}

/* Who is the last to be tried again, and whether anybody is to be. */
static void a_pause_is_waited_for(UNUSED void **state) {
    struct board_phase all[] = {{11, 11, 11, 0}, {10, 10, 20, 0}};
    struct board_view v = {.total = 11, .passed = 10, .judged = 10, .fanout = 10, .phase_count = 2};
    v.phases = all;
    v.pause = 60;
    about(estimate_left(&v), 63, 1);
    v.pause = 0;
    about(estimate_left(&v), 3, 1);
    v.pause = 60;
    v.errors = 1;
    assert_true(estimate_left(&v) == 0);
    struct board *b;
    struct error err;
    assert_int_equal(board_new(1, &b, &err), 0);
    int64_t now = clock_now();
    board_again(NULL, now);
    board_again(b, now + 60 * CLOCK_S);
    board_again(b, now + 30 * CLOCK_S);
    assert_true(board_look(b, &v));
    about(v.pause, 60, 2);
    board_view_done(&v);
    board_free(b);
}

static void does_not_guess(UNUSED void **state) {
    struct board_phase none[] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
    assert_true(isnan(left(5, 0, 0, 2, none, 2)));
    struct board_phase early[] = {{2, 2, 1, 0}, {2, 0, 0, 9}};
    assert_true(isnan(left(5, 0, 2, 2, early, 2)));
    struct board_phase all[] = {{5, 5, 1, 0}, {5, 5, 50, 0}};
    assert_true(left(5, 5, 0, 2, all, 2) == 0);
}

#define T(f) cmocka_unit_test(f)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(names_the_servers_that_were_begun_first),
        T(keeps_the_newest_failures_in_whole_characters),
        T(workers_and_who_looks_do_not_disturb_each_other),
        T(nobody_need_look),
        T(says_how_long_it_will_take),
        T(the_quickest_are_not_taken_for_all),
        T(a_pause_is_waited_for),
        T(does_not_guess),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
