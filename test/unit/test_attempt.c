/* What fleet/attempt and fleet/waiting promise. */
#include "test.h"

#include "base/clock.h"
#include "fleet/waiting.h"
#include "policy/backoff.h"

#include <string.h>

static struct plan plan;
static struct attempts all = {.bench = {.plan = &plan}, .run = "20261123-120000-abcdef"};

static int set_up(UNUSED void **state) {
    plan = (struct plan){
        .retries = 2, .server_timeout = DEADLINE_NEVER, .longest_pause = BACKOFF_LONGEST};
    return 0;
}

static struct attempt *make(void) {
    struct store_claim claim = {.position = 3};
    struct attempt *a;
    struct error err;
    assert_int_equal(server_parse("web1", &claim.server, &err), 0);
    assert_int_equal(attempt_new(&all, &claim, &a, &err), 0);
    assert_int_equal(a->number, 1);
    return a;
}

static struct server_result result_of(enum reason reason) {
    return (struct server_result){.reason = reason, .verdict = reason_verdict(reason)};
}

static void what_another_moment_may_mend_is_tried_again(UNUSED void **state) {
    struct attempt *a = make();
    for (enum reason reason = REASON_NONE; reason < REASON_COUNT; reason++) {
        struct server_result r = result_of(reason);
        assert_int_equal(attempt_has_another(a, &r),
                         reason == REASON_UNREACHABLE || reason == REASON_CONNECTION_LOST);
    }
    attempt_free(a);
}

static void there_are_so_many_retries(UNUSED void **state) {
    struct server_result r = result_of(REASON_UNREACHABLE);
    struct attempt *a = make();
    int64_t pauses = 0;
    for (int attempt = 1; attempt <= 2; attempt++) {
        int64_t now = clock_now();
        int64_t pause = backoff_pause(all.run, "web1", attempt, BACKOFF_LONGEST);
        assert_true(attempt_has_another(a, &r));
        attempt_next(a, &r);
        assert_int_equal(a->number, attempt + 1);
        assert_true(a->due >= now + pause && a->due < now + pause + 60 * CLOCK_S);
        assert_int_equal(a->spent, pauses += pause);
    }
    assert_false(attempt_has_another(a, &r));
    attempt_free(a);
    plan.retries = 0;
    a = make();
    assert_false(attempt_has_another(a, &r));
    attempt_free(a);
}

static void pauses_are_of_the_servers_time(UNUSED void **state) {
    struct server_result r = result_of(REASON_CONNECTION_LOST);
    int64_t pause = backoff_pause(all.run, "web1", 1, BACKOFF_LONGEST);
    struct attempt *a = make();
    plan.server_timeout = pause + 10;
    assert_true(attempt_has_another(a, &r));
    a->spent = 10;
    assert_false(attempt_has_another(a, &r));
    plan.server_timeout = 11;
    plan.longest_pause = 1;
    assert_true(attempt_has_another(a, &r));
    attempt_next(a, &r);
    assert_true(a->spent < plan.server_timeout);
    attempt_free(a);
}

static void who_waits_when_the_run_ends_has_no_verdict(UNUSED void **state) {
    struct server_result r = result_of(REASON_UNREACHABLE);
    r.detail = strdup("connection refused");
    attempt_interrupt(&r);
    assert_int_equal(r.verdict, VERDICT_CANCELLED);
    assert_int_equal(r.reason, REASON_INTERRUPTED);
    assert_string_equal(r.detail, "the run ended before it was tried again: connection refused");
    server_result_done(&r);
}

static struct attempt *due_at(int64_t due) {
    struct attempt *a = make();
    a->due = due;
    return a;
}

static void those_come_first_that_are_due_first(UNUSED void **state) {
    struct waiting w = {0};
    assert_true(waiting_next(&w) == DEADLINE_NEVER);
    assert_null(waiting_take(&w, DEADLINE_NEVER));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(waiting_add(&w, due_at(i * 7919 % 1000)), 0);
    assert_int_equal(w.count, 1000);
    assert_null(waiting_take(&w, -1));
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(waiting_next(&w), i);
        struct attempt *a = waiting_take(&w, i < 500 ? i : DEADLINE_NEVER);
        assert_int_equal(a->due, i);
        attempt_free(a);
        if (i < 500)
            assert_null(waiting_take(&w, i));
    }
    waiting_done(&w);
}

static void what_waits_at_the_end_is_freed(UNUSED void **state) {
    struct waiting w = {0};
    struct attempt *a = due_at(5);
    a->last = calloc(1, sizeof(*a->last));
    a->last->detail = strdup("lost");
    assert_int_equal(waiting_add(&w, a), 0);
    assert_int_equal(waiting_add(&w, due_at(1)), 0);
    waiting_done(&w);
    assert_int_equal(w.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_another_moment_may_mend_is_tried_again, set_up),
        cmocka_unit_test_setup(there_are_so_many_retries, set_up),
        cmocka_unit_test_setup(pauses_are_of_the_servers_time, set_up),
        cmocka_unit_test_setup(who_waits_when_the_run_ends_has_no_verdict, set_up),
        cmocka_unit_test(those_come_first_that_are_due_first),
        cmocka_unit_test(what_waits_at_the_end_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
