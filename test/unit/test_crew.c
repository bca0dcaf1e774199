/* What holds between several who work on one run, whatever becomes of their connections. */
#include "test.h"

#include "store/crew.h"
#include "store/database.h"
#include "store_place.h"

#include <string.h>

static struct store_place place;

static int set_up(UNUSED void **state) {
    return store_place_make(&place);
}

static int tear_down(UNUSED void **state) {
    return store_place_done(&place);
}

static struct store *open_store(void) {
    const struct store_enlistment as = {.fanout = 7, .lease = CREW_LEASE};
    struct store *s;
    struct error err;
    if (store_open(place.url, STORE_CREATE, &s, &err) < 0 || store_join(s, &as, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static struct server names[] = {{.name = (char *)"web01"},
                                {.name = (char *)"web02"},
                                {.name = (char *)"web03"},
                                {.name = (char *)"web04"}};
static const struct servers four = {names, 4, 4};
static const struct store_recipe recipe = {.options = (char *)"[]"};

static struct run begin(struct store *s) {
    struct run run = {.fanout = 7, .threshold = 50};
    struct error err;
    assert_int_equal(store_begin(s, &run, &recipe, &four, &err), 0);
    return run;
}

/* Another worker, on the run that somebody has begun. */
static struct store *join(const struct run *run) {
    struct store *s = open_store();
    struct run held;
    struct error err;
    assert_int_equal(store_hold(s, run->id, &held, &err), 0);
    return s;
}

static struct benchmark_result benchmark = {.benchmark = (char *)"cpu",
                                            .verdict = VERDICT_PASSED,
                                            .trials = (double[]){1},
                                            .trial_count = 1};

static struct server_result result_of(enum verdict verdict) {
    return (struct server_result){.verdict = verdict,
                                  .reason = verdict == VERDICT_PASSED   ? REASON_NONE
                                            : verdict == VERDICT_FAILED ? REASON_BELOW_THRESHOLD
                                                                        : REASON_INTERRUPTED,
                                  .attempts = 1,
                                  .benchmarks = &benchmark,
                                  .benchmark_count = 1};
}

/* Claims, and compares with the digits of `want`. */
static void claims(struct store *s, const struct run *run, size_t max, const char *want) {
    size_t positions[8];
    char got[9] = "";
    struct error err;
    ssize_t n = store_turn_positions(s, run, NULL, 0, max, positions, &err);
    if (n < 0)
        fail_msg("%s", err.text);
    for (ssize_t i = 0; i < n; i++)
        got[i] = (char)('0' + positions[i]);
    assert_string_equal(got, want);
}

/* Hands one result in. */
static struct store_result gives(struct store *s, const struct run *run, size_t position,
                                 enum verdict verdict) {
    struct server_result result = result_of(verdict);
    struct store_result ret = {.position = position, .result = &result};
    struct error err;
    if (store_turn(s, run, &ret, 1, 0, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return ret;
}

/* The same, as if the end of the transaction had no answer. */
static void gives_unheard(struct store *s, const struct run *run, size_t position,
                          enum verdict verdict) {
    struct held_claim claim = *held_find(&s->crew.held, position);
    assert_false(gives(s, run, position, verdict).refused);
    held_settle(&s->crew.held, &claim, 1);
}

static void check_counts(struct store *s, const struct run *run, size_t passed, size_t failed) {
    struct run now;
    struct error err;
    assert_int_equal(store_run(s, run->id, &now, &err), 0);
    assert_int_equal(now.passed, passed);
    assert_int_equal(now.failed, failed);
}

/* Its connection was lost, and it does not know what came of its last transaction. */
static void cut(struct store *s) {
    s->crew.former = s->crew.number;
    s->crew.number = 0;
}

static void a_run_that_was_begun_unheard_is_there_once(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s), now, another = {.fanout = 7, .threshold = 50};
    struct error err;
    cut(s);
    assert_int_equal(store_begin_again(s, &run, &recipe, &four, &err), 0);
    claims(s, &run, 8, "0123");
    assert_int_equal(store_run(s, "last", &now, &err), 0);
    assert_string_equal(now.id, run.id);
    store_place_sql(&place, "DELETE FROM muster.run"); /* it never came to be */
    strcpy(another.id, run.id);
    assert_int_equal(store_begin_again(s, &another, &recipe, &four, &err), 0);
    claims(s, &another, 8, "0123");
    store_close(s);
}

static void what_was_given_back_is_claimed_in_its_order(UNUSED void **state) {
    static const size_t order[] = {3, 2, 1, 0};
    struct store *s = open_store();
    struct run run = begin(s);
    size_t *copy = malloc(sizeof(order));
    store_set_order(s, memcpy(copy, order, sizeof(order)), 4);
    claims(s, &run, 2, "32");
    gives(s, &run, 3, VERDICT_CANCELLED);
    claims(s, &run, 8, "10");
    claims(s, &run, 8, "3");
    claims(s, &run, 8, "");
    store_close(s);
}

static void a_result_is_counted_once(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s);
    claims(s, &run, 8, "0123");
    gives_unheard(s, &run, 0, VERDICT_FAILED);
    struct store_result again = gives(s, &run, 0, VERDICT_FAILED);
    assert_true(again.there && !again.refused);
    check_counts(s, &run, 0, 1);
    store_close(s);
}

static int count_benchmarks(void *arg, UNUSED const char *server, const struct server_result *r,
                            UNUSED struct error *err) {
    *(size_t *)arg += r->benchmark_count;
    return 0;
}

static void what_a_cancelled_server_measured_is_kept_once(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s);
    struct error err;
    size_t benchmarks = 0;
    claims(s, &run, 1, "0");
    gives_unheard(s, &run, 0, VERDICT_CANCELLED);
    assert_false(gives(s, &run, 0, VERDICT_CANCELLED).refused);
    assert_int_equal(store_each(s, run.id, count_benchmarks, &benchmarks, &err), 0);
    assert_int_equal(benchmarks, 1);
    store_close(s);
}

static void a_result_from_before_a_resume_is_refused(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s), resumed = run;
    struct store *other = join(&run);
    struct error err;
    claims(s, &run, 2, "01");
    assert_false(gives(s, &run, 1, VERDICT_PASSED).refused);
    gives_unheard(s, &run, 0, VERDICT_FAILED);
    assert_int_equal(store_resume(other, &resumed, true, &err), 0);
    assert_int_equal(resumed.failed, 0);
    assert_true(gives(s, &run, 0, VERDICT_FAILED).refused);
    check_counts(s, &run, 1, 0);
    claims(other, &run, 1, "0");
    assert_false(gives(other, &run, 0, VERDICT_PASSED).refused);
    check_counts(s, &run, 2, 0);
    store_close(other);
    store_close(s);
}

static void errors_of_before_a_resume_are_told_apart(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s);
    struct error err;
    claims(s, &run, 8, "0123");
    gives(s, &run, 0, VERDICT_ERROR);
    assert_int_equal(store_stop(s, &run, &err), 0);
    assert_int_equal(store_run(s, run.id, &run, &err), 0);
    assert_false(run.open);
    assert_int_equal(run.errors - run.errors_earlier, 1);
    assert_int_equal(store_resume(s, &run, false, &err), 0);
    assert_true(run.open);
    assert_int_equal(run.errors, 1);
    assert_int_equal(run.errors_earlier, 1);
    store_close(s);
}

static void who_was_cut_off_leaves_nothing(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s);
    struct store_worker *workers;
    struct error err;
    size_t n;
    claims(s, &run, 2, "01");
    cut(s);
    assert_int_equal(store_leave(s, &err), 0);
    assert_int_equal(store_workers(s, &workers, &n, &err), 0);
    free(workers);
    assert_int_equal(n, 0);
    struct store *other = join(&run);
    claims(other, &run, 8, "0123");
    store_close(other);
    store_close(s);
}

/* It claimed, was cut off, and never heard which servers it has. */
static void what_was_claimed_unheard_is_claimed_again(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s);
    claims(s, &run, 2, "01");
    held_find(&s->crew.held, 1)->token = 0;
    held_settle(&s->crew.held, NULL, 0);
    cut(s);
    claims(s, &run, 8, "23");
    claims(s, &run, 8, "1");
    assert_false(gives(s, &run, 0, VERDICT_PASSED).refused);
    store_close(s);
}

static void end_all(struct store *s, const struct run *run) {
    claims(s, run, 8, "0123");
    for (size_t i = 0; i < 4; i++)
        assert_false(gives(s, run, i, i == 0 ? VERDICT_FAILED : VERDICT_PASSED).refused);
}

static bool may_judge(struct store *s) {
    struct error err;
    bool ret = false;
    assert_int_equal(store_may_judge(s, &ret, &err), 0);
    return ret;
}

static int judge(struct store *s, const struct run *run) {
    struct run counted;
    struct error err;
    assert_int_equal(store_run(s, run->id, &counted, &err), 0);
    return store_judge(s, &counted, NULL, 0, NULL, &err);
}

static void a_run_is_judged_once(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s);
    struct store *other = join(&run);
    struct error err;
    end_all(s, &run);
    assert_true(may_judge(s));
    assert_false(may_judge(other));
    assert_int_equal(judge(s, &run), 0);
    assert_false(may_judge(other));
    assert_int_equal(judge(other, &run), 1);
    check_counts(s, &run, 3, 1);

    /* who came too late has not kept the others from it */
    struct run resumed = run;
    assert_int_equal(store_resume(s, &resumed, true, &err), 0);
    claims(s, &run, 1, "0");
    gives(s, &run, 0, VERDICT_PASSED);
    assert_true(may_judge(s));
    assert_int_equal(judge(s, &run), 0);
    check_counts(s, &run, 4, 0);
    store_close(other);
    store_close(s);
}

static void a_judge_that_hangs_is_not_waited_for(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s);
    struct store *other = join(&run);
    end_all(s, &run);
    assert_true(may_judge(s));
    assert_false(may_judge(other));
    other->crew.denied_since -= 5 * CREW_LEASE;
    assert_true(may_judge(other));
    assert_int_equal(judge(other, &run), 0);
    assert_int_equal(judge(s, &run), 1);
    store_close(other);
    store_close(s);
}

static void a_run_that_is_resumed_meanwhile_is_not_judged(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin(s), counted, resumed = run;
    struct store *other = join(&run);
    struct error err;
    end_all(s, &run);
    assert_true(may_judge(s));
    assert_int_equal(store_run(s, run.id, &counted, &err), 0);
    assert_int_equal(store_resume(other, &resumed, true, &err), 0);
    assert_int_equal(store_judge(s, &counted, NULL, 0, NULL, &err), 1);
    check_counts(s, &run, 3, 0);
    store_close(other);
    store_close(s);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_run_that_was_begun_unheard_is_there_once),
        test(what_was_given_back_is_claimed_in_its_order),
        test(a_result_is_counted_once),
        test(what_a_cancelled_server_measured_is_kept_once),
        test(a_result_from_before_a_resume_is_refused),
        test(errors_of_before_a_resume_are_told_apart),
        test(who_was_cut_off_leaves_nothing),
        test(what_was_claimed_unheard_is_claimed_again),
        test(a_run_is_judged_once),
        test(a_judge_that_hangs_is_not_waited_for),
        test(a_run_that_is_resumed_meanwhile_is_not_judged),
    };
    if (!store_place_has_postgres())
        return 0;
    return cmocka_run_group_tests_name("on PostgreSQL", tests, store_place_on_postgres, NULL);
}
