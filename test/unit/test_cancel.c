/* What sync/cancel promises. */
#include "test.h"

#include "base/clock.h"
#include "base/fd.h"
#include "sync/cancel.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static struct cancel *make(void) {
    struct cancel *c;
    struct error err;
    assert_int_equal(cancel_new(&c, &err), 0);
    return c;
}

static void make_pair(int fds[2]) {
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_pair(int fds[2]) {
    fd_close(&fds[0]);
    fd_close(&fds[1]);
}

static void wakes_a_blocked_read_at_the_deadline(UNUSED void **state) {
    struct cancel *c = make();
    struct error err;
    struct watch w;
    int fds[2];
    make_pair(fds);
    int64_t deadline = deadline_in(30 * CLOCK_MS);
    assert_int_equal(cancel_watch(c, &w, fds[0], deadline, &err), 0);
    char byte;
    assert_int_equal(read(fds[0], &byte, 1), 0);
    assert_true(clock_now() >= deadline);
    assert_true(cancel_unwatch(&w));
    assert_false(cancel_fired(c));
    close_pair(fds);
    cancel_free(c);
}

static void leaves_an_unwatched_socket_alone(UNUSED void **state) {
    struct cancel *c = make();
    struct error err;
    struct watch w;
    int fds[2];
    make_pair(fds);
    assert_int_equal(cancel_watch(c, &w, fds[0], deadline_in(CLOCK_MS), &err), 0);
    cancel_rewatch(&w, DEADLINE_NEVER);
    bool fired = cancel_unwatch(&w);
    cancel_fire(c);
    /* the deadline of 1 ms may have passed before it was moved, and only then was it shut down */
    assert_int_equal(send(fds[0], "x", 1, MSG_NOSIGNAL), fired ? -1 : 1);
    close_pair(fds);
    cancel_free(c);
}

static void an_earlier_deadline_overtakes_a_later_one(UNUSED void **state) {
    enum { N = 64 };
    struct cancel *c = make();
    struct error err;
    struct watch w[N];
    int fds[N][2];
    int64_t start = clock_now();
    for (int i = 0; i < N; i++) {
        make_pair(fds[i]);
        /* 7 is prime to 64: every place of the heap is tried */
        int64_t deadline = start + (1 + i * 7 % N) * CLOCK_MS;
        assert_int_equal(cancel_watch(c, &w[i], fds[i][0], deadline, &err), 0);
    }
    for (int i = 0; i < N; i++) {
        char byte;
        assert_int_equal(read(fds[i][0], &byte, 1), 0);
        assert_true(clock_now() >= w[i].deadline);
        assert_true(cancel_unwatch(&w[i]));
        close_pair(fds[i]);
    }
    cancel_free(c);
}

static void *blocked_reader(void *arg) {
    char byte;
    return (void *)(intptr_t)read(*(int *)arg, &byte, 1);
}

static void firing_wakes_everything(UNUSED void **state) {
    struct cancel *c = make();
    struct error err;
    struct watch w;
    int fds[2];
    make_pair(fds);
    assert_int_equal(cancel_watch(c, &w, fds[0], DEADLINE_NEVER, &err), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, blocked_reader, &fds[0]), 0);
    struct pollfd p = {.fd = cancel_fd(c), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    cancel_fire(c);
    cancel_fire(c);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_true(cancel_fired(c));
    assert_true(cancel_sleep(c, DEADLINE_NEVER));
    void *got;
    pthread_join(thread, &got);
    assert_int_equal((intptr_t)got, 0);
    assert_true(cancel_unwatch(&w));
    close_pair(fds);
    cancel_free(c);
}

static void a_watch_on_a_fired_token_is_shut_down(UNUSED void **state) {
    struct cancel *c = make();
    struct error err;
    struct watch w;
    int fds[2];
    make_pair(fds);
    cancel_fire(c);
    assert_int_equal(cancel_watch(c, &w, fds[0], DEADLINE_NEVER, &err), 0);
    char byte;
    assert_int_equal(read(fds[0], &byte, 1), 0);
    assert_true(cancel_unwatch(&w));
    close_pair(fds);
    cancel_free(c);
}

static void sleep_ends_at_its_deadline(UNUSED void **state) {
    struct cancel *c = make();
    int64_t deadline = deadline_in(5 * CLOCK_MS);
    assert_false(cancel_sleep(c, deadline));
    assert_true(clock_now() >= deadline);
    cancel_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_a_blocked_read_at_the_deadline),
        cmocka_unit_test(leaves_an_unwatched_socket_alone),
        cmocka_unit_test(an_earlier_deadline_overtakes_a_later_one),
        cmocka_unit_test(firing_wakes_everything),
        cmocka_unit_test(a_watch_on_a_fired_token_is_shut_down),
        cmocka_unit_test(sleep_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
