/* What exec/pool promises, threads and memory that are refused included. */
#include "base/clock.h"
#include "exec/pool.h"
#include "sync/log.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* How many more threads, and allocations, are granted; negative for no end. */
static atomic_int threads_granted = -1;
static atomic_int allocations_granted = -1;
static atomic_int log_lines;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields);

static bool granted(atomic_int *left) {
    int n = atomic_load(left);
    while (n > 0 && !atomic_compare_exchange_weak(left, &n, n - 1))
        ;
    return n != 0;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg) {
    return granted(&threads_granted) ? __real_pthread_create(thread, attr, fn, arg) : EAGAIN;
}

void *__wrap_malloc(size_t size) {
    return granted(&allocations_granted) ? __real_malloc(size) : NULL;
}

void __wrap_log_write(enum log_level level, UNUSED const char *event,
                      UNUSED const struct log_field *fields) {
    assert_int_equal(level, LOG_WARNING);
    atomic_fetch_add(&log_lines, 1);
}

static int reset(UNUSED void **state) {
    atomic_store(&threads_granted, -1);
    atomic_store(&allocations_granted, -1);
    atomic_store(&log_lines, 0);
    log_threshold = LOG_DEBUG;
    return 0;
}

static struct pool *pool_of(size_t threads) {
    struct pool *p;
    struct error err;
    assert_int_equal(pool_new(threads, 256 * 1024, &p, &err), 0);
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

/* Takes and frees all of a set. Returns how many did not fail. */
static size_t drain(struct completed *c) {
    size_t good = 0;
    for (struct future *f; (f = completed_next(c, DEADLINE_NEVER));) {
        struct error err;
        good += future_result(f, DEADLINE_NEVER, NULL, &err) == 0;
        future_free(f);
    }
    return good;
}

static int count_up(void *arg, UNUSED void **result, UNUSED struct error *err) {
    atomic_fetch_add((atomic_int *)arg, 1);
    return 0;
}

static int meet(void *arg, UNUSED void **result, UNUSED struct error *err) {
    pthread_barrier_wait(arg);
    return 0;
}

static int hold(void *arg, UNUSED void **result, UNUSED struct error *err) {
    pthread_mutex_lock(arg);
    pthread_mutex_unlock(arg);
    return 0;
}

static void refuses_a_bound_or_a_stack_that_cannot_be(UNUSED void **state) {
    struct pool *p;
    struct error err;
    assert_int_equal(pool_new(0, 0, &p, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_int_equal(pool_new(1, 1, &p, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    pool_shutdown(NULL, true);
}

static void starts_no_thread_before_there_is_a_job(UNUSED void **state) {
    struct pool *p = pool_of(4);
    assert_int_equal(pool_threads(p), 0);
    assert_int_equal(pool_bound(p), 4);
    pool_shutdown(p, false);
}

static void an_idle_thread_spares_a_new_one(UNUSED void **state) {
    struct pool *p = pool_of(8);
    atomic_int ran = 0;
    for (int i = 0; i < 20; i++) {
        future_free(submit(p, count_up, &ran, NULL));
        /* the thread has done the job; let it come back to the queue */
        nanosleep(&(struct timespec){.tv_nsec = 10 * CLOCK_MS}, NULL);
    }
    assert_int_equal(atomic_load(&ran), 20);
    assert_in_range(pool_threads(p), 1, 4); /* 1 but on a machine that was held up */
    pool_shutdown(p, false);
}

/* Every job waits for all the others: any that is left queued while a thread sleeps hangs it. */
static void as_many_jobs_run_at_once_as_the_bound_allows(UNUSED void **state) {
    enum { BOUND = 16 };
    struct pool *p = pool_of(BOUND);
    struct completed *c = set_new();
    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, BOUND);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < BOUND; i++)
            submit(p, meet, &all, c);
        assert_int_equal(drain(c), BOUND);
    }
    assert_int_equal(pool_threads(p), BOUND);
    pthread_barrier_destroy(&all);
    completed_free(c);
    pool_shutdown(p, false);
}

/* One thread only, so the order of running is the order of submission. */
static void runs_in_the_order_of_submission(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct completed *c = set_new();
    atomic_int ran = 0;
    struct future *f[100];
    for (size_t i = 0; i < ARRAY_LEN(f); i++)
        f[i] = submit(p, count_up, &ran, c);
    for (size_t i = 0; i < ARRAY_LEN(f); i++) {
        assert_ptr_equal(completed_next(c, DEADLINE_NEVER), f[i]);
        future_free(f[i]);
    }
    completed_free(c);
    pool_shutdown(p, false);
}

static void runs_a_hundred_thousand_jobs(UNUSED void **state) {
    struct pool *p = pool_of(64);
    struct completed *c = set_new();
    atomic_int ran = 0;
    struct error err;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(pool_submit(p, count_up, &ran, c, NULL, &err), 0);
    assert_int_equal(drain(c), 100000);
    assert_int_equal(atomic_load(&ran), 100000);
    completed_free(c);
    pool_shutdown(p, false);
}

struct tree {
    struct pool *pool;
    struct completed *set;
    atomic_int leaves;
    pthread_barrier_t planted; /* for the test of shutdown */
};

struct branch {
    struct tree *tree;
    int depth;
};

static int grow_tree(void *arg, UNUSED void **result, struct error *err) {
    struct branch *b = arg;
    int rc = 0;
    if (b->depth == 0)
        atomic_fetch_add(&b->tree->leaves, 1);
    for (int i = 0; b->depth > 0 && i < 2 && rc == 0; i++) {
        struct branch *child = malloc(sizeof(*child));
        *child = (struct branch){b->tree, b->depth - 1};
        rc = pool_submit(b->tree->pool, grow_tree, child, b->tree->set, NULL, err);
    }
    return rc;
}

/* A job's children join the set before the job is done, so the set is never seen empty too soon. */
static void jobs_may_submit_jobs(UNUSED void **state) {
    struct tree tree = {.pool = pool_of(4), .set = set_new()};
    struct branch *root = malloc(sizeof(*root));
    *root = (struct branch){&tree, 10};
    submit(tree.pool, grow_tree, root, tree.set);
    for (struct future *f; (f = completed_next(tree.set, DEADLINE_NEVER));) {
        struct error err;
        assert_int_equal(future_result(f, DEADLINE_NEVER, NULL, &err), 0);
        free(future_arg(f));
        future_free(f);
    }
    assert_int_equal(atomic_load(&tree.leaves), 1024);
    completed_free(tree.set);
    pool_shutdown(tree.pool, false);
}

struct submitter {
    struct pool *pool;
    struct completed *set;
    atomic_int *ran;
};

static void *submit_many(void *arg) {
    struct submitter *s = arg;
    struct error err;
    intptr_t failed = 0;
    for (int i = 0; i < 5000; i++)
        failed += pool_submit(s->pool, count_up, s->ran, s->set, NULL, &err) < 0;
    return (void *)failed;
}

static void any_thread_may_submit(UNUSED void **state) {
    atomic_int ran = 0;
    struct submitter s = {pool_of(4), set_new(), &ran};
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &s), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(drain(s.set), 20000);
    assert_int_equal(atomic_load(&ran), 20000);
    completed_free(s.set);
    pool_shutdown(s.pool, false);
}

static void shutdown_waits_for_all(UNUSED void **state) {
    struct pool *p = pool_of(2);
    struct completed *c = set_new();
    atomic_int ran = 0;
    for (int i = 0; i < 1000; i++)
        submit(p, count_up, &ran, c);
    pool_shutdown(p, false);
    assert_int_equal(atomic_load(&ran), 1000);
    assert_int_equal(drain(c), 1000);
    completed_free(c);
}

static int hold_then_submit(void *arg, UNUSED void **result, struct error *err) {
    struct tree *tree = arg;
    pthread_barrier_wait(&tree->planted);
    while (completed_left(tree->set) > 1) /* until shutdown has cancelled the others */
        nanosleep(&(struct timespec){.tv_nsec = CLOCK_MS}, NULL);
    return pool_submit(tree->pool, count_up, &tree->leaves, NULL, &(struct future *){NULL}, err);
}

static void *drop_cancelled(void *arg) {
    struct completed *c = arg;
    intptr_t cancelled = 0;
    while (completed_left(c) > 1) {
        struct future *f = completed_next(c, DEADLINE_NEVER);
        cancelled += future_cancelled(f);
        future_free(f);
    }
    return (void *)cancelled;
}

static void shutdown_may_cancel_and_takes_no_more(UNUSED void **state) {
    struct tree tree = {.pool = pool_of(1), .set = set_new()};
    pthread_barrier_init(&tree.planted, NULL, 2);
    struct future *running = submit(tree.pool, hold_then_submit, &tree, tree.set);
    for (int i = 0; i < 100; i++)
        submit(tree.pool, count_up, &tree.leaves, tree.set);
    pthread_barrier_wait(&tree.planted);
    pthread_t taker;
    assert_int_equal(pthread_create(&taker, NULL, drop_cancelled, tree.set), 0);
    pool_shutdown(tree.pool, true);
    void *cancelled;
    pthread_join(taker, &cancelled);
    assert_int_equal((intptr_t)cancelled, 100);
    assert_int_equal(atomic_load(&tree.leaves), 0);
    assert_ptr_equal(completed_next(tree.set, DEADLINE_NEVER), running);
    struct error err;
    assert_int_equal(future_result(running, DEADLINE_NEVER, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "shut down"));
    future_free(running);
    completed_free(tree.set);
    pthread_barrier_destroy(&tree.planted);
}

static void cancels_what_is_pending(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct completed *c = set_new();
    pthread_barrier_t started;
    pthread_barrier_init(&started, NULL, 2);
    pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&held);
    submit(p, meet, &started, c);
    submit(p, hold, &held, c);
    pthread_barrier_wait(&started);
    future_free(completed_next(c, DEADLINE_NEVER));
    /* `hold` runs, or is about to: it is cancelled or not, the others are */
    atomic_int ran = 0;
    for (int i = 0; i < 10; i++)
        submit(p, count_up, &ran, c);
    struct future *mine = submit(p, count_up, &ran, NULL);
    assert_true(future_cancel(mine));
    assert_in_range(pool_cancel_pending(p), 10, 11); /* not the one cancelled before */
    assert_int_equal(pool_cancel_pending(p), 0);
    future_free(mine);
    pthread_mutex_unlock(&held);
    assert_in_range(drain(c), 0, 1);
    assert_int_equal(atomic_load(&ran), 0);
    submit(p, count_up, &ran, c); /* the pool goes on */
    assert_int_equal(drain(c), 1);
    completed_free(c);
    pthread_barrier_destroy(&started);
    pool_shutdown(p, false);
}

static int blocked_signals(UNUSED void *arg, void **result, UNUSED struct error *err) {
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    *result = sigismember(&set, SIGINT) && sigismember(&set, SIGCHLD) ? (void *)1 : NULL;
    return 0;
}

static void threads_run_with_signals_blocked(UNUSED void **state) {
    struct pool *p = pool_of(1);
    struct future *f = submit(p, blocked_signals, NULL, NULL);
    void *blocked = NULL;
    struct error err;
    assert_int_equal(future_result(f, DEADLINE_NEVER, &blocked, &err), 0);
    assert_non_null(blocked);
    sigset_t mine;
    pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGINT));
    future_free(f);
    pool_shutdown(p, false);
}

static void a_refused_thread_lowers_the_bound(UNUSED void **state) {
    struct pool *p = pool_of(8);
    struct completed *c = set_new();
    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, 3);
    atomic_store(&threads_granted, 3);
    for (int i = 0; i < 30; i++)
        submit(p, meet, &all, c); /* goes on only with all three threads */
    assert_int_equal(drain(c), 30);
    assert_int_equal(pool_threads(p), 3);
    assert_int_equal(pool_bound(p), 3);
    assert_int_equal(atomic_load(&log_lines), 1);
    pthread_barrier_destroy(&all);
    completed_free(c);
    pool_shutdown(p, false);
}

static void no_thread_at_all_refuses_the_job(UNUSED void **state) {
    struct pool *p = pool_of(2);
    struct completed *c = set_new();
    atomic_int ran = 0;
    struct future *f = NULL;
    struct error err;
    atomic_store(&threads_granted, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pool_submit(p, count_up, &ran, c, &f, &err), -1);
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_int_equal(err.os, EAGAIN);
        assert_null(f);
        assert_int_equal(completed_left(c), 0);
    }
    assert_int_equal(atomic_load(&log_lines), 0); /* it was returned */
    atomic_store(&threads_granted, -1);           /* better times */
    submit(p, count_up, &ran, c);
    assert_int_equal(drain(c), 1);
    assert_int_equal(atomic_load(&ran), 1);
    completed_free(c);
    pool_shutdown(p, false);
}

static void no_memory_refuses_the_job(UNUSED void **state) {
    struct pool *p = pool_of(2);
    struct completed *c = set_new();
    struct error err;
    atomic_store(&allocations_granted, 0);
    int rc = pool_submit(p, count_up, NULL, c, NULL, &err);
    atomic_store(&allocations_granted, -1);
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_int_equal(completed_left(c), 0);
    completed_free(c);
    pool_shutdown(p, false);
}

/* The system itself refuses: a stack larger than any memory. */
static void the_system_may_refuse_every_thread(UNUSED void **state) {
    struct pool *p;
    struct error err;
    assert_int_equal(pool_new(4, (size_t)1 << 46, &p, &err), 0);
    assert_int_equal(pool_submit(p, count_up, NULL, NULL, &(struct future *){NULL}, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_int_not_equal(err.os, 0);
    pool_shutdown(p, false);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static rlim_t address_space_in_use(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* And part of the way: address space for a few stacks and no more. */
static void the_system_may_refuse_some_threads(UNUSED void **state) {
    enum { STACK = 64 << 20 };
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    struct pool *p;
    struct error err;
    assert_int_equal(pool_new(64, STACK, &p, &err), 0);
    struct completed *c = set_new();
    pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&held);
    struct rlimit tight = old;
    tight.rlim_cur = address_space_in_use() + (rlim_t)STACK * 5;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    for (int i = 0; i < 64; i++)
        submit(p, hold, &held, c);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_in_range(pool_threads(p), 1, 5);
    assert_int_equal(pool_bound(p), pool_threads(p));
    assert_int_equal(atomic_load(&log_lines), 1);
    pthread_mutex_unlock(&held);
    assert_int_equal(drain(c), 64);
    completed_free(c);
    pool_shutdown(p, false);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refuses_a_bound_or_a_stack_that_cannot_be, reset),
        cmocka_unit_test_setup(starts_no_thread_before_there_is_a_job, reset),
        cmocka_unit_test_setup(an_idle_thread_spares_a_new_one, reset),
        cmocka_unit_test_setup(as_many_jobs_run_at_once_as_the_bound_allows, reset),
        cmocka_unit_test_setup(runs_in_the_order_of_submission, reset),
        cmocka_unit_test_setup(runs_a_hundred_thousand_jobs, reset),
        cmocka_unit_test_setup(jobs_may_submit_jobs, reset),
        cmocka_unit_test_setup(any_thread_may_submit, reset),
        cmocka_unit_test_setup(shutdown_waits_for_all, reset),
        cmocka_unit_test_setup(shutdown_may_cancel_and_takes_no_more, reset),
        cmocka_unit_test_setup(cancels_what_is_pending, reset),
        cmocka_unit_test_setup(threads_run_with_signals_blocked, reset),
        cmocka_unit_test_setup(a_refused_thread_lowers_the_bound, reset),
        cmocka_unit_test_setup(no_thread_at_all_refuses_the_job, reset),
        cmocka_unit_test_setup(no_memory_refuses_the_job, reset),
        cmocka_unit_test_setup(the_system_may_refuse_every_thread, reset),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test_setup(the_system_may_refuse_some_threads, reset),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
