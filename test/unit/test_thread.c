/* What transport/thread promises where the system gives no more threads. */
#include "test.h"

#include "transport/thread.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static atomic_int granted = 1000;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg) {
    if (atomic_fetch_sub(&granted, 1) <= 0)
        return EAGAIN;
    return __real_pthread_create(thread, attr, run, arg);
}

static void *answer(void *arg) {
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, SIGINT) ? arg : NULL;
}

static void *tell(void *arg) {
    sem_post(arg);
    return NULL;
}

static void runs_with_and_without_an_end_to_wait_for(void **state UNUSED) {
    pthread_t thread;
    void *got;
    sem_t told;
    sem_init(&told, 0, 0);
    atomic_store(&granted, 1000);
    assert_int_equal(thread_start(answer, &thread, &thread), 0);
    pthread_join(thread, &got);
    assert_ptr_equal(got, &thread);
    assert_int_equal(thread_start(tell, &told, NULL), 0);
    sem_wait(&told);
}

static void a_spare_one_becomes_what_cannot_be_started(void **state UNUSED) {
    pthread_t threads[THREAD_SPARES];
    sem_t told;
    sem_init(&told, 0, 0);
    atomic_store(&granted, 1000);
    thread_spare();
    thread_spare(); /* another one's, who has those that are there */
    assert_int_equal(atomic_load(&granted), 1000 - THREAD_SPARES);
    atomic_store(&granted, 0);
    for (size_t i = 1; i < THREAD_SPARES; i++)
        assert_int_equal(thread_start(answer, &threads[i], &threads[i]), 0);
    assert_int_equal(thread_start(tell, &told, NULL), 0);
    sem_wait(&told);
    assert_int_equal(thread_start(tell, &told, NULL), EAGAIN);
    for (size_t i = 1; i < THREAD_SPARES; i++) {
        void *got;
        pthread_join(threads[i], &got);
        assert_ptr_equal(got, &threads[i]);
    }
    thread_spare_end();
    thread_spare_end();
}

static void spare_ones_end_unused_and_may_be_few(void **state UNUSED) {
    pthread_t thread;
    atomic_store(&granted, 2);
    thread_spare();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(thread_start(answer, &thread, &thread), 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(thread_start(answer, &thread, &thread), EAGAIN);
    atomic_store(&granted, 1000);
    thread_spare();
    thread_spare_end();
    thread_spare_end();
    thread_spare_end(); /* of nobody's */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_with_and_without_an_end_to_wait_for),
        cmocka_unit_test(a_spare_one_becomes_what_cannot_be_started),
        cmocka_unit_test(spare_ones_end_unused_and_may_be_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
