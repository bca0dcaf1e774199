/* What transport/shortage promises, with sessions that take descriptors from a purse of the test's.
 */
#include "test.h"

#include "base/clock.h"
#include "sync/log.h"
#include "transport/shortage.h"
#include "transport/transport.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- the log ----------------------------------------------------------------------------------
 */

static atomic_int warnings;

void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields);
void __wrap_log_write(enum log_level level, const char *event UNUSED,
                      const struct log_field *fields UNUSED) {
    atomic_fetch_add(&warnings, level == LOG_WARNING);
}

/* ---- a transport that can run out of something
 * --------------------------------------------------- */

#define NEEDS 2 /* of it, for a session; taken one after the other */

struct purse {
    struct transport base;
    atomic_int left;
    atomic_int open, most, attempts;
    struct cancel *cancel;
    int os;
    enum error_kind kind; /* of the failure */
};

static struct purse purse;

static bool take_one(void) {
    int left = atomic_load(&purse.left);
    while (left > 0 && !atomic_compare_exchange_weak(&purse.left, &left, left - 1))
        ;
    return left > 0;
}

static void close_purse_session(struct session *s) {
    atomic_fetch_sub(&purse.open, 1);
    atomic_fetch_add(&purse.left, NEEDS);
    free(s);
}

static const struct session_ops SESSION = {.close = close_purse_session};

static int open_purse_session(struct transport *t UNUSED, const struct server *server UNUSED,
                              int64_t deadline UNUSED, struct session **ret, struct error *err) {
    int got = 0;
    atomic_fetch_add(&purse.attempts, 1);
    while (got < NEEDS && take_one()) {
        got++;
        usleep(200); /* another one may take the next */
    }
    if (got < NEEDS) {
        atomic_fetch_add(&purse.left, got);
        return error_os(err, purse.kind, purse.os, "cannot have one");
    }
    int open = atomic_fetch_add(&purse.open, 1) + 1, most = atomic_load(&purse.most);
    while (open > most && !atomic_compare_exchange_weak(&purse.most, &most, open))
        ;
    *ret = calloc(1, sizeof(**ret));
    (*ret)->ops = &SESSION;
    return 0;
}

static void free_purse(struct transport *t UNUSED) {
}

static const struct transport_ops TRANSPORT = {"purse", open_purse_session, free_purse};

static int set_up(void **state UNUSED) {
    struct error err;
    purse = (struct purse){.base.ops = &TRANSPORT, .os = ENFILE, .kind = ERROR_INTERNAL};
    atomic_store(&warnings, 0);
    return cancel_new(&purse.cancel, &err) != 0 ||
           shortage_new(purse.cancel, &purse.base.shortage, &err) != 0;
}

static int tear_down(void **state UNUSED) {
    transport_free(&purse.base);
    cancel_free(purse.cancel);
    return 0;
}

static int try_open(int64_t within, struct session **ret, struct error *err) {
    struct server server = {.name = "web1", .host = "web1"};
    return transport_open(&purse.base, &server, deadline_in(within), ret, err);
}

/* ---- promises ----------------------------------------------------------------------------------
 */

#define WORKERS 40
#define SERVERS 10 /* a worker */

static void *work(void *arg) {
    atomic_int *failed = arg;
    for (int i = 0; i < SERVERS; i++) {
        struct session *s = NULL;
        struct error err;
        if (try_open(20 * CLOCK_S, &s, &err) != 0) {
            atomic_fetch_add(failed, 1);
            continue;
        }
        usleep(1000);
        session_close(s);
    }
    return NULL;
}

static void nobody_fails_while_some_have_what_others_lack(void **state UNUSED) {
    pthread_t threads[WORKERS];
    atomic_int failed = 0;
    atomic_store(&purse.left, 9); /* four sessions, and one to get in each other's way */
    int64_t before = clock_now();
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &failed), 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    print_message("# %d sessions, 4 at once: %d attempts, %lld ms\n", WORKERS * SERVERS,
                  atomic_load(&purse.attempts), (long long)((clock_now() - before) / CLOCK_MS));
    assert_int_equal(atomic_load(&failed), 0);
    assert_int_equal(atomic_load(&purse.left), 9);
    assert_in_range(atomic_load(&purse.most), 2, 4);
    assert_int_equal(atomic_load(&warnings), 1);
    assert_true(clock_now() - before < 10 * CLOCK_S);
}

/* Two have one each, and need two: they must not wait for each other, nor fail. */
static void two_halves_make_a_whole(void **state UNUSED) {
    for (int round = 0; round < 20; round++) {
        pthread_t threads[2];
        atomic_int failed = 0;
        atomic_store(&purse.left, NEEDS);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, work, &failed), 0);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&failed), 0);
    }
}

static void alone_it_is_an_error_at_once(void **state UNUSED) {
    struct session *s = NULL;
    struct error err;
    atomic_store(&purse.left, NEEDS - 1);
    int64_t before = clock_now();
    assert_int_equal(try_open(20 * CLOCK_S, &s, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_string_equal(err.text, "cannot have one: Too many open files in system");
    assert_true(clock_now() - before < CLOCK_S);
    assert_int_equal(atomic_load(&purse.attempts), 1);
    /* and for all, when there is never enough */
    pthread_t threads[4];
    atomic_int failed = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &failed), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&failed), 4 * SERVERS);
}

static void other_errors_are_final(void **state UNUSED) {
    struct session *s = NULL, *other = NULL;
    struct error err;
    atomic_store(&purse.left, NEEDS);
    assert_int_equal(try_open(20 * CLOCK_S, &other, &err), 0);
    purse.kind = ERROR_UNREACHABLE;
    assert_int_equal(try_open(20 * CLOCK_S, &s, &err), -1);
    assert_int_equal(err.kind, ERROR_UNREACHABLE);
    purse.kind = ERROR_INTERNAL;
    purse.os = EPERM;
    assert_int_equal(try_open(20 * CLOCK_S, &s, &err), -1);
    assert_int_equal(err.os, EPERM);
    assert_int_equal(atomic_load(&warnings), 0);
    session_close(other);
}

static void *fire_soon(void *arg UNUSED) {
    usleep(100000);
    cancel_fire(purse.cancel);
    return NULL;
}

static void waits_end_at_their_deadline_and_with_the_run(void **state UNUSED) {
    struct session *s = NULL, *other = NULL;
    struct error err;
    atomic_store(&purse.left, NEEDS);
    assert_int_equal(try_open(20 * CLOCK_S, &other, &err), 0);
    int64_t before = clock_now();
    assert_int_equal(try_open(200 * CLOCK_MS, &s, &err), -1);
    assert_in_range(clock_now() - before, 190 * CLOCK_MS, CLOCK_S);
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    assert_string_equal(err.text, "the server's deadline passed while others held what it lacked: "
                                  "cannot have one: Too many open files in system");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, NULL), 0);
    before = clock_now();
    assert_int_equal(try_open(20 * CLOCK_S, &s, &err), -1);
    pthread_join(thread, NULL);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_true(clock_now() - before < CLOCK_S);
    session_close(other);
}

/* What other programs give back nobody tells of. */
static void *fill_soon(void *arg UNUSED) {
    usleep(100000);
    atomic_fetch_add(&purse.left, NEEDS);
    return NULL;
}

static void the_first_tries_again_every_second(void **state UNUSED) {
    struct session *s = NULL, *other = NULL;
    struct error err;
    pthread_t thread;
    atomic_store(&purse.left, NEEDS);
    assert_int_equal(try_open(20 * CLOCK_S, &other, &err), 0);
    assert_int_equal(pthread_create(&thread, NULL, fill_soon, NULL), 0);
    int64_t before = clock_now();
    assert_int_equal(try_open(20 * CLOCK_S, &s, &err), 0);
    pthread_join(thread, NULL);
    assert_in_range(clock_now() - before, 900 * CLOCK_MS, 3 * CLOCK_S);
    session_close(s);
    session_close(other);
}

static void the_limit_of_open_files_is_raised_first(void **state UNUSED) {
    struct rlimit old, low, now;
    struct session *s = NULL;
    struct error err;
    getrlimit(RLIMIT_NOFILE, &old);
    low = (struct rlimit){64, old.rlim_max};
    purse.os = EMFILE;
    setrlimit(RLIMIT_NOFILE, &low);
    int rc = try_open(20 * CLOCK_S, &s, &err);
    getrlimit(RLIMIT_NOFILE, &now);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(rc, -1);
    assert_int_equal(atomic_load(&purse.attempts), 2);
    assert_true(now.rlim_cur == old.rlim_max);
    assert_int_equal(atomic_load(&warnings), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv) {
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(nobody_fails_while_some_have_what_others_lack),
        TEST(two_halves_make_a_whole),
        TEST(alone_it_is_an_error_at_once),
        TEST(other_errors_are_final),
        TEST(waits_end_at_their_deadline_and_with_the_run),
        TEST(the_first_tries_again_every_second),
        TEST(the_limit_of_open_files_is_raised_first),
    };
    log_threshold = LOG_DEBUG;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
