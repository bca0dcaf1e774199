/* What cli/signals promises to who ends because of a signal. */
#include "test.h"

#include "base/clock.h"
#include "cli/signals.h"
#include "sync/log.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- a log that is slow ------------------------------------------------------------------------
 */

static atomic_int warnings;

void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields);
void __wrap_log_write(enum log_level level, const char *event UNUSED,
                      const struct log_field *fields UNUSED) {
    usleep(100 * 1000);
    atomic_fetch_add(&warnings, level == LOG_WARNING);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void who_ends_hears_them_out_before(UNUSED void **state) {
    struct signals *s;
    struct cancel *first, *second;
    struct error err;
    atomic_store(&log_threshold, LOG_WARNING);
    assert_int_equal(cancel_new(&first, &err), 0);
    assert_int_equal(cancel_new(&second, &err), 0);
    const struct signals_steps steps = {
        .fire = {first, second}, .says = {"one", "two"}, .grace = 3600 * CLOCK_S};
    assert_int_equal(signals_start(steps, &s, &err), 0);
    signals_hear_out(s); /* nothing was said */
    kill(getpid(), SIGINT);
    assert_true(cancel_sleep(first, deadline_in(20 * CLOCK_S)));
    signals_hear_out(s);
    assert_int_equal(atomic_load(&warnings), 1);
    assert_int_equal(signals_caught(s), SIGINT);
    assert_false(cancel_fired(second));
    kill(getpid(), SIGTERM);
    assert_true(cancel_sleep(second, deadline_in(20 * CLOCK_S)));
    signals_hear_out(s);
    assert_int_equal(atomic_load(&warnings), 2);
    assert_int_equal(signals_caught(s), SIGINT);
    signals_stop(s);
    cancel_free(first);
    cancel_free(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_ends_hears_them_out_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
