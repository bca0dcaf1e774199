/* What exec/future promises. */
#include "base/clock.h"
#include "exec/future.h"
#include "exec/pool.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The next allocation of this size is refused; 0 for none. */
static atomic_size_t refused_size;
static atomic_int allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
    atomic_fetch_add(&allocations, 1);
    size_t refused = size;
    return atomic_compare_exchange_strong(&refused_size, &refused, 0) ? NULL : __real_malloc(size);
}

/* A door that jobs wait at until the test opens it. */
struct door {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool open;
    int inside; /* jobs that have come to it */
};

#define DOOR                                                                                       \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER }

static void door_open(struct door *d) {
    pthread_mutex_lock(&d->lock);
    d->open = true;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

static void door_await(struct door *d, int inside) {
    pthread_mutex_lock(&d->lock);
    while (d->inside < inside)
        pthread_cond_wait(&d->moved, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

static int wait_at_door(void *arg, void **result, UNUSED struct error *err) {
    struct door *d = arg;
    pthread_mutex_lock(&d->lock);
    d->inside++;
    pthread_cond_broadcast(&d->moved);
    while (!d->open)
        pthread_cond_wait(&d->moved, &d->lock);
    pthread_mutex_unlock(&d->lock);
    *result = d;
    return 0;
}

static int give_argument(void *arg, void **result, UNUSED struct error *err) {
    *result = arg;
    return 0;
}

static int fail_as_told(void *arg, void **result, struct error *err) {
    *result = arg; /* must not come out */
    return error_os(err, ERROR_UNREACHABLE, 111, "%s", (const char *)arg);
}

static int fail_silently(UNUSED void *arg, UNUSED void **result, UNUSED struct error *err) {
    return -1;
}

static struct pool *pool_of(size_t threads) {
    struct pool *p;
    struct error err;
    assert_int_equal(pool_new(threads, 0, &p, &err), 0);
    return p;
}

static struct future *submit(struct pool *p, job_fn *fn, void *arg, struct completed *into) {
    struct future *f;
    struct error err;
    assert_int_equal(pool_submit(p, fn, arg, into, &f, &err), 0);
    return f;
}

static struct completed *set_new(void) {
    struct completed *c;
    struct error err;
    assert_int_equal(completed_new(&c, &err), 0);
    return c;
}

static void gives_the_result_again_and_again(UNUSED void **state) {
    struct pool *p = pool_of(1);
    int x;
    struct future *f = submit(p, give_argument, &x, NULL);
    struct error err;
    for (int i = 0; i < 2; i++) {
        void *result = NULL;
        assert_int_equal(future_result(f, DEADLINE_NEVER, &result, &err), 0);
        assert_ptr_equal(result, &x);
    }
    assert_int_equal(future_result(f, DEADLINE_NEVER, NULL, &err), 0);
    assert_true(future_done(f));
    assert_false(future_cancelled(f));
    assert_false(future_cancel(f));
    assert_ptr_equal(future_arg(f), &x);
    pool_shutdown(p, false);
    assert_int_equal(future_result(f, DEADLINE_NEVER, NULL, &err), 0); /* outlives the pool */
    future_free(f);
    future_free(NULL);
}

static void carries_the_error(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct future *f = submit(p, fail_as_told, (void *)"web03 is away", NULL);
    for (int i = 0; i < 2; i++) {
        struct error err = {0};
        void *result = NULL;
        assert_int_equal(future_result(f, DEADLINE_NEVER, &result, &err), -1);
        assert_null(result);
        assert_int_equal(err.kind, ERROR_UNREACHABLE);
        assert_int_equal(err.os, 111);
        assert_string_equal(err.text, "web03 is away: Connection refused");
    }
    future_free(f);
    pool_shutdown(p, false);
}

static void keeps_the_longest_sentence_whole(UNUSED void **state) {
    struct error err;
    char longest[sizeof(err.text)];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    struct pool *p = pool_of(1);
    struct future *f = submit(p, fail_as_told, longest, NULL);
    assert_int_equal(future_result(f, DEADLINE_NEVER, NULL, &err), -1);
    assert_string_equal(err.text, longest);
    future_free(f);
    pool_shutdown(p, false);
}

static void names_a_failure_that_says_nothing(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct future *f = submit(p, fail_silently, NULL, NULL);
    struct error err;
    assert_int_equal(future_result(f, DEADLINE_NEVER, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_true(strlen(err.text) > 0);
    future_free(f);
    pool_shutdown(p, false);
}

static void keeps_the_kind_when_memory_runs_out(UNUSED void **state) {
    struct pool *p = pool_of(1);
    char sentence[400];
    memset(sentence, 'y', sizeof(sentence) - 1);
    sentence[sizeof(sentence) - 1] = '\0';
    size_t text = strlen(sentence) + strlen(": Connection refused") + 1;
    atomic_store(&refused_size, text + sizeof(int));
    struct future *f = submit(p, fail_as_told, sentence, NULL);
    struct error err;
    assert_int_equal(future_result(f, DEADLINE_NEVER, NULL, &err), -1);
    assert_int_equal(atomic_load(&refused_size), 0); /* it was refused */
    assert_int_equal(err.kind, ERROR_UNREACHABLE);
    assert_non_null(strstr(err.text, "no memory"));
    future_free(f);
    pool_shutdown(p, false);
}

static void says_that_the_deadline_passed(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct door d = DOOR;
    struct future *f = submit(p, wait_at_door, &d, NULL);
    door_await(&d, 1);
    struct error err;
    assert_int_equal(future_result(f, -1, NULL, &err), -1); /* long past */
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    int64_t before = clock_now();
    assert_int_equal(future_result(f, deadline_in(30 * CLOCK_MS), NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    assert_true(clock_now() - before >= 30 * CLOCK_MS);
    assert_false(future_done(f));
    assert_false(future_cancel(f)); /* it runs */
    door_open(&d);
    assert_int_equal(future_result(f, deadline_in(60 * CLOCK_S), NULL, &err), 0);
    future_free(f);
    pool_shutdown(p, false);
}

static void cancels_what_has_not_started(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct door d = DOOR;
    struct future *running = submit(p, wait_at_door, &d, NULL);
    struct future *kept = submit(p, fail_silently, NULL, NULL);
    struct future *freed = submit(p, fail_silently, NULL, NULL);
    door_await(&d, 1);
    assert_true(future_cancel(kept));
    assert_true(future_cancel(kept));
    assert_true(future_cancelled(kept));
    assert_true(future_done(kept));
    assert_false(future_cancel(running));
    struct error err;
    assert_int_equal(future_result(kept, DEADLINE_NEVER, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_true(future_cancel(freed));
    future_free(freed); /* while the pool still has it queued */
    door_open(&d);
    pool_shutdown(p, false);
    assert_int_equal(future_result(kept, DEADLINE_NEVER, NULL, &err), -1); /* it never ran */
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    future_free(kept);
    future_free(running);
}

static void *open_soon(void *arg) {
    nanosleep(&(struct timespec){.tv_nsec = 20 * CLOCK_MS}, NULL);
    door_open(arg);
    return NULL;
}

static void freeing_waits_for_the_job(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct door d = DOOR;
    struct future *f = submit(p, wait_at_door, &d, NULL);
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_soon, &d), 0);
    future_free(f);
    assert_true(d.open);
    pthread_join(opener, NULL);
    pool_shutdown(p, false);
}

static void *await_result(void *arg) {
    struct error err;
    void *result = NULL;
    return future_result(arg, DEADLINE_NEVER, &result, &err) == 0 ? result : NULL;
}

static void any_number_of_threads_may_wait(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct door d = DOOR;
    struct future *f = submit(p, wait_at_door, &d, NULL);
    pthread_t waiters[4];
    for (size_t i = 0; i < ARRAY_LEN(waiters); i++)
        assert_int_equal(pthread_create(&waiters[i], NULL, await_result, f), 0);
    struct error err; /* one that leaves early, from the midst of the others */
    assert_int_equal(future_result(f, deadline_in(10 * CLOCK_MS), NULL, &err), -1);
    door_open(&d);
    for (size_t i = 0; i < ARRAY_LEN(waiters); i++) {
        void *result;
        pthread_join(waiters[i], &result);
        assert_ptr_equal(result, &d);
    }
    future_free(f);
    pool_shutdown(p, false);
}

static void hands_out_in_the_order_of_completion(UNUSED void **state) {
    struct pool *p = pool_of(3);
    struct completed *c = set_new();
    struct door doors[3] = {DOOR, DOOR, DOOR};
    for (int i = 0; i < 3; i++)
        submit(p, wait_at_door, &doors[i], c);
    assert_int_equal(completed_left(c), 3);
    static const int order[] = {2, 0, 1};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_null(completed_next(c, deadline_in(5 * CLOCK_MS)));
        door_open(&doors[order[i]]);
        struct future *f = completed_next(c, DEADLINE_NEVER);
        assert_ptr_equal(future_arg(f), &doors[order[i]]);
        assert_true(future_done(f));
        future_free(f);
    }
    assert_int_equal(completed_left(c), 0);
    assert_null(completed_next(c, DEADLINE_NEVER));
    completed_free(c);
    completed_free(NULL);
    pool_shutdown(p, false);
}

static void cancelled_futures_complete_too(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct completed *c = set_new();
    struct door d = DOOR;
    struct future *running = submit(p, wait_at_door, &d, c);
    struct future *first = submit(p, give_argument, NULL, c);
    struct future *second = submit(p, give_argument, NULL, c);
    door_await(&d, 1);
    assert_true(future_cancel(second));
    assert_true(future_cancel(first));
    assert_ptr_equal(completed_next(c, DEADLINE_NEVER), second);
    assert_ptr_equal(completed_next(c, DEADLINE_NEVER), first);
    future_free(second);
    door_open(&d);
    assert_ptr_equal(completed_next(c, DEADLINE_NEVER), running);
    assert_null(completed_next(c, DEADLINE_NEVER));
    future_free(first);
    future_free(running);
    completed_free(c);
    pool_shutdown(p, false);
}

static void a_set_takes_from_several_pools(UNUSED void **state) {
    struct pool *pools[] = {pool_of(2), pool_of(2)};
    struct completed *c = set_new();
    for (int i = 0; i < 1000; i++)
        submit(pools[i % 2], i % 10 ? give_argument : fail_silently, NULL, c);
    int failed = 0;
    for (int i = 0; i < 1000; i++) {
        struct future *f = completed_next(c, DEADLINE_NEVER);
        struct error err;
        failed += future_result(f, DEADLINE_NEVER, NULL, &err) < 0;
        future_free(f);
    }
    assert_int_equal(failed, 100);
    completed_free(c); /* at once: the last job may hardly have let go of it */
    pool_shutdown(pools[0], false);
    pool_shutdown(pools[1], false);
}

static void a_job_is_one_allocation(UNUSED void **state) {
    enum { JOBS = 1000 };
    struct pool *p = pool_of(2);
    struct completed *c = set_new();
    struct door doors[] = {DOOR, DOOR};
    for (size_t i = 0; i < ARRAY_LEN(doors); i++)
        submit(p, wait_at_door, &doors[i], c); /* the pool has grown */
    int before = atomic_load(&allocations);
    for (int i = 0; i < JOBS; i++)
        submit(p, give_argument, NULL, c);
    for (size_t i = 0; i < ARRAY_LEN(doors); i++)
        door_open(&doors[i]);
    for (struct future *f; (f = completed_next(c, DEADLINE_NEVER));)
        future_free(f);
    assert_int_equal(atomic_load(&allocations) - before, JOBS);
    completed_free(c);
    pool_shutdown(p, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_result_again_and_again),
        cmocka_unit_test(carries_the_error),
        cmocka_unit_test(keeps_the_longest_sentence_whole),
        cmocka_unit_test(names_a_failure_that_says_nothing),
        cmocka_unit_test(keeps_the_kind_when_memory_runs_out),
        cmocka_unit_test(says_that_the_deadline_passed),
        cmocka_unit_test(cancels_what_has_not_started),
        cmocka_unit_test(freeing_waits_for_the_job),
        cmocka_unit_test(any_number_of_threads_may_wait),
        cmocka_unit_test(hands_out_in_the_order_of_completion),
        cmocka_unit_test(cancelled_futures_complete_too),
        cmocka_unit_test(a_set_takes_from_several_pools),
        cmocka_unit_test(a_job_is_one_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
