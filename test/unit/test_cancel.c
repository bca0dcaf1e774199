/* What sync/cancel promises. */
#include "test.h"

#include "base/clock.h"
#include "sync/cancel.h"

#include <poll.h>
#include <pthread.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firing_wakes_everything),
        cmocka_unit_test(sleep_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
