/* What fleet/slots promises, and sync/pulse of its parts. */
#include "test.h"

#include "fleet/slots.h"
#include "sync/pulse.h"

static struct slots *slots;
static struct slots_part old, middle, young;

static int start(UNUSED void **state) {
    struct error err;
    return slots_new(&slots, &err);
}

static int stop(UNUSED void **state) {
    slots_leave(&old);
    slots_leave(&middle);
    slots_leave(&young);
    slots_leave(&young); /* again does nothing */
    slots_free(slots);
    return 0;
}

/* It asks for `most`, claims as many and works on them; returns how many. */
static size_t works_on(struct slots_part *p, size_t busy, size_t most) {
    size_t got = slots_ask(p, busy, most);
    slots_settle(p, busy + got, most - got);
    return got;
}

static void one_that_is_alone_has_what_it_likes(UNUSED void **state) {
    assert_true(slots_spare(slots));
    slots_join(slots, &old, "1", 4);
    assert_false(slots_spare(slots)); /* what it will use is not known */
    assert_int_equal(works_on(&old, 0, 8), 8);
    assert_false(slots_spare(slots));
    assert_int_equal(works_on(&old, 3, 0), 0);
    assert_true(slots_spare(slots));
    assert_true(slots_take(&old));
    assert_false(slots_spare(slots));
    assert_true(slots_take(&old)); /* its pool sees to it */
}

static void several_have_no_more_than_their_fan_out(UNUSED void **state) {
    slots_join(slots, &old, "1", 10);
    assert_int_equal(works_on(&old, 0, 6), 6);
    slots_join(slots, &young, "2", 10);
    assert_int_equal(works_on(&young, 0, 9), 4);
    assert_int_equal(works_on(&old, 6, 5), 0);
    assert_false(slots_take(&old));
    assert_int_equal(works_on(&old, 2, 3), 3); /* those that ended were its own */
    assert_int_equal(works_on(&old, 5, 0), 0);
    assert_true(slots_take(&young));
    assert_false(slots_take(&young));
    slots_leave(&old);
    assert_int_equal(works_on(&young, 5, 20), 20);
}

static void what_an_older_one_waits_for_is_not_given_to_a_younger_one(UNUSED void **state) {
    slots_join(slots, &young, "3", 4);
    assert_int_equal(works_on(&young, 0, 4), 4);
    slots_join(slots, &old, "1", 4);
    slots_join(slots, &middle, "2", 4);
    assert_int_equal(works_on(&old, 0, 2), 0);
    assert_int_equal(works_on(&middle, 0, 1), 0);
    assert_int_equal(works_on(&young, 3, 4), 0);
    assert_int_equal(works_on(&middle, 0, 1), 0);
    assert_int_equal(works_on(&young, 1, 4), 0);
    assert_int_equal(works_on(&middle, 0, 1), 1);
    assert_int_equal(works_on(&old, 0, 2), 2);
    assert_int_equal(works_on(&young, 1, 4), 0);
    assert_int_equal(works_on(&old, 0, 0), 0);
    assert_int_equal(works_on(&young, 1, 4), 2);
}

static void an_older_one_of_a_smaller_fan_out_gets_its_turn(UNUSED void **state) {
    slots_join(slots, &young, "2", 100);
    assert_int_equal(works_on(&young, 0, 50), 50);
    slots_join(slots, &old, "1", 2);
    assert_int_equal(works_on(&old, 0, 1), 0);
    assert_int_equal(works_on(&young, 40, 60), 0);
    assert_int_equal(works_on(&young, 1, 60), 0);
    assert_int_equal(works_on(&old, 0, 1), 1);
    assert_int_equal(works_on(&young, 1, 60), 60);
}

static void there_is_room_for_another_when_none_has_a_use_for_it(UNUSED void **state) {
    slots_join(slots, &old, "1", 4);
    assert_int_equal(works_on(&old, 0, 1), 1);
    assert_true(slots_spare(slots));
    slots_join(slots, &young, "2", 8);
    assert_false(slots_spare(slots));
    assert_int_equal(works_on(&young, 0, 4), 4);
    assert_true(slots_spare(slots)); /* of the larger fan-out */
    assert_false(slots_take(&old));
    assert_false(slots_spare(slots)); /* it waits */
    slots_settle(&old, 1, 0);
    assert_true(slots_spare(slots));
}

static void one_that_shares_with_nobody_has_all(UNUSED void **state) {
    assert_int_equal(slots_ask(NULL, 5, 7), 7);
    slots_settle(NULL, 12, 0);
    assert_true(slots_take(NULL));
}

static void a_pulse_is_ready_while_no_part_says_otherwise(UNUSED void **state) {
    struct cancel *end;
    struct pulse *whole, *parts[2];
    struct error err;
    assert_int_equal(cancel_new(&end, &err), 0);
    assert_int_equal(pulse_new(end, &whole, &err), 0);
    assert_int_equal(pulse_new_part(whole, &parts[0], &err), 0);
    pulse_gather(whole, parts, 1);
    assert_true(pulse_alive(whole));
    assert_false(pulse_ready(whole));
    pulse_set_ready(parts[0], true);
    assert_true(pulse_ready(whole));
    assert_int_equal(pulse_new_part(whole, &parts[1], &err), 0);
    assert_true(pulse_ready(whole)); /* one that has only begun takes nothing away */
    pulse_set_ready(parts[1], false);
    pulse_set_ready(parts[0], false);
    pulse_set_ready(parts[0], false);
    assert_false(pulse_ready(whole));
    pulse_set_ready(parts[0], true);
    assert_false(pulse_ready(whole));
    pulse_free(parts[1]);
    assert_true(pulse_ready(whole));
    pulse_gather(whole, parts, 1);
    cancel_fire(end);
    assert_false(pulse_ready(whole));
    pulse_free(parts[0]);
    pulse_free(whole);
    cancel_free(end);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(one_that_is_alone_has_what_it_likes),
        T(several_have_no_more_than_their_fan_out),
        T(what_an_older_one_waits_for_is_not_given_to_a_younger_one),
        T(an_older_one_of_a_smaller_fan_out_gets_its_turn),
        T(there_is_room_for_another_when_none_has_a_use_for_it),
        cmocka_unit_test(one_that_shares_with_nobody_has_all),
        cmocka_unit_test(a_pulse_is_ready_while_no_part_says_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
