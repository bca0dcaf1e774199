/* What sync/cancel promises, and what waits by it: sync/ending and sync/aside. */
#include "test.h"

#include "base/clock.h"
#include "sync/aside.h"
#include "sync/cancel.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>

static struct cancel *make(void) {
    struct cancel *c;
    struct error err;
    assert_int_equal(cancel_new(&c, &err), 0);
    return c;
}

static void *sleeper(void *arg) {
    return cancel_sleep(arg, DEADLINE_NEVER) ? arg : NULL;
}

static void firing_wakes_everything(UNUSED void **state) {
    enum { N = 20 };
    struct cancel *c = make();
    pthread_t threads[N];
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sleeper, c), 0);
    struct pollfd p = {.fd = cancel_fd(c), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_false(cancel_fired(c));
    cancel_fire(c);
    cancel_fire(c);
    assert_true(cancel_fired(c));
    assert_int_equal(poll(&p, 1, 0), 1);
    for (int i = 0; i < N; i++) {
        void *woken;
        pthread_join(threads[i], &woken);
        assert_ptr_equal(woken, c);
    }
    cancel_free(c);
}

static void sleep_ends_at_its_deadline(UNUSED void **state) {
    struct cancel *c = make();
    int64_t deadline = deadline_in(5 * CLOCK_MS);
    assert_false(cancel_sleep(c, deadline));
    assert_true(clock_now() >= deadline);
    assert_false(cancel_sleep(c, deadline));
    cancel_fire(c);
    assert_true(cancel_sleep(c, deadline_in(60 * CLOCK_S)));
    cancel_free(c);
}

static struct ending soon(const struct cancel *c) {
    return (struct ending){c, 20 * CLOCK_MS};
}

static void what_is_to_end_waits_a_moment(UNUSED void **state) {
    struct cancel *c = make();
    const struct ending e = soon(c), never = {0};
    struct pollfd fd = {.fd = -1, .events = POLLIN};
    int64_t began = clock_now();
    assert_true(ending_deadline(&e, began) == DEADLINE_NEVER);
    assert_false(ending_wait(&e, &fd, began, deadline_in(CLOCK_MS)));
    cancel_fire(c);
    assert_true(ending_deadline(&never, began) == DEADLINE_NEVER);
    assert_true(ending_deadline(&e, 0) >= began + e.moment);
    assert_true(ending_deadline(&e, INT64_C(1) << 60) == (INT64_C(1) << 60) + e.moment);
    assert_false(ending_wait(&e, &fd, began, DEADLINE_NEVER));
    assert_true(ending_passed(&e));
    began = clock_now();
    assert_false(ending_wait(&e, &fd, began, DEADLINE_NEVER)); /* another answer, another moment */
    assert_true(clock_now() >= began + e.moment);
    cancel_free(c);
}

/* A call that ends when the test says so. */
struct errand {
    sem_t may_end, dropped;
    int runs;
};

static void run_errand(void *arg) {
    struct errand *r = arg;
    while (sem_wait(&r->may_end) != 0)
        ;
    r->runs++;
}

static void drop_errand(void *arg) {
    sem_post(&((struct errand *)arg)->dropped);
}

static void a_call_is_given_up_a_moment_after_the_token(UNUSED void **state) {
    struct errand r = {0};
    struct cancel *c = make();
    const struct ending e = soon(c), never = {0};
    const struct aside a = {run_errand, drop_errand, &r};
    sem_init(&r.may_end, 0, 2);
    sem_init(&r.dropped, 0, 0);
    assert_true(aside_run(&a, &never));
    assert_true(aside_run(&a, &e));
    assert_int_equal(r.runs, 2);
    cancel_fire(c);
    assert_false(aside_run(&a, &e)); /* it waits for the semaphore */
    assert_int_equal(sem_trywait(&r.dropped), -1);
    sem_post(&r.may_end);
    assert_int_equal(sem_wait(&r.dropped), 0);
    assert_int_equal(r.runs, 3);
    assert_false(aside_run(&a, &e)); /* nor is another one begun */
    assert_int_equal(sem_wait(&r.dropped), 0);
    assert_int_equal(r.runs, 3);
    cancel_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firing_wakes_everything),
        cmocka_unit_test(sleep_ends_at_its_deadline),
        cmocka_unit_test(what_is_to_end_waits_a_moment),
        cmocka_unit_test(a_call_is_given_up_a_moment_after_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
