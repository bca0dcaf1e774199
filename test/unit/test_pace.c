/* What transport/rate and transport/pace promise: the one by arithmetic, the other with threads, at
 * rates that make a second's worth of waiting short. */
#include "test.h"

#include "base/clock.h"
#include "transport/pace.h"
#include "transport/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* ---- rate: arithmetic ------------------------------------------------------------------------ */

#define T0 (100 * CLOCK_S)

/* So many starts from `at` on, one after another as the rate allows; returns when the last was. */
static int64_t start_many(struct rate *r, int n, int64_t at) {
    for (int i = 0; i < n; i++) {
        at = rate_due(r, at);
        rate_start(r, at);
    }
    return at;
}

static enum rate_change drop_many(struct rate *r, int n, int64_t began, int64_t at) {
    enum rate_change change = RATE_SAME;
    for (int i = 0; i < n && change == RATE_SAME; i++)
        change = rate_learn(r, began, true, at);
    return change;
}

static void a_rate_spaces_its_starts(void **state UNUSED) {
    static const double rates[] = {0.5, 1, 50, 3000};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct rate r;
        rate_init(&r, rates[i]);
        int64_t took = start_many(&r, 101, T0) - T0;
        int64_t expected = (int64_t)(100 * 1e9 / rates[i]);
        assert_in_range(took, expected - 6 * CLOCK_MS, expected + CLOCK_MS);
    }
}

static void no_rate_is_no_wait(void **state UNUSED) {
    struct rate r;
    rate_init(&r, 0);
    assert_int_equal(start_many(&r, 1000, T0), T0);
}

/* A thread that wakes late must not cost the rate what it was late. */
static void a_late_start_delays_none_after_it(void **state UNUSED) {
    struct rate r;
    rate_init(&r, 1000);
    int64_t at = T0;
    for (int i = 0; i < 100; i++) {
        at = rate_due(&r, at) + 700 * CLOCK_US;
        rate_start(&r, at);
    }
    assert_in_range(at - T0, 90 * CLOCK_MS, 101 * CLOCK_MS);
    /* but what was not used for long is gone: no burst makes up for it */
    at += 10 * CLOCK_S;
    int64_t last = start_many(&r, 100, at);
    assert_in_range(last - at, 93 * CLOCK_MS, 100 * CLOCK_MS);
}

static void drops_halve_what_was_measured(void **state UNUSED) {
    struct rate r;
    rate_init(&r, 0);
    start_many(&r, 40, T0);
    int64_t now = T0 + 100 * CLOCK_MS;
    assert_int_equal(drop_many(&r, 4, T0, now), RATE_SAME);
    assert_int_equal(rate_learn(&r, T0, true, now), RATE_SLOWED);
    assert_true(r.now == 20);
    /* the rest of the same burst tells nothing new */
    assert_int_equal(drop_many(&r, 35, T0, now), RATE_SAME);
    assert_true(r.now == 20);
    assert_int_equal(drop_many(&r, 40, now, now), RATE_SLOWER);
    assert_true(r.now == 10);
    for (int i = 0; i < 3; i++)
        drop_many(&r, 5, now, now);
    assert_true(r.now == 1.25);
    drop_many(&r, 5, now, now);
    assert_true(r.now == 1);
    assert_int_equal(drop_many(&r, 5, now, now), RATE_SAME);
    assert_true(r.now == 1);
}

static void what_was_asked_for_is_the_most(void **state UNUSED) {
    struct rate r;
    rate_init(&r, 8);
    int64_t now = start_many(&r, 100, T0);
    assert_int_equal(drop_many(&r, 5, T0, now), RATE_SLOWED);
    assert_true(r.now == 4);
    enum rate_change change = RATE_SAME;
    for (int i = 0; i < 60 && change == RATE_SAME; i++, now += CLOCK_S) {
        assert_true(r.now <= 8);
        change = rate_start(&r, now);
    }
    assert_int_equal(change, RATE_WHOLE);
    assert_true(r.now == 8);
    /* and the least, when it was less than one a second */
    rate_init(&r, 0.25);
    start_many(&r, 5, T0);
    drop_many(&r, 5, T0, T0);
    assert_true(r.now == 0.25);
}

static void it_recovers_by_steps(void **state UNUSED) {
    static const double expected[] = {36, 40.5, 45.5625};
    struct rate r;
    rate_init(&r, 0);
    start_many(&r, 64, T0);
    drop_many(&r, 5, T0, T0);
    assert_true(r.now == 32);
    int64_t now = T0;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        now += CLOCK_S;
        assert_int_equal(rate_learn(&r, now, false, now), RATE_SAME);
        assert_true(r.now == expected[i]);
    }
    /* a drop now and then holds it where it is */
    now += CLOCK_S - 1;
    assert_int_equal(rate_learn(&r, now, true, now), RATE_SAME);
    assert_int_equal(rate_learn(&r, now, false, now + 1), RATE_SAME);
    assert_true(r.now == 45.5625);
    assert_int_equal(rate_start(&r, now + 2 * CLOCK_S), RATE_SAME);
    assert_int_equal(rate_start(&r, now + 3 * CLOCK_S), RATE_WHOLE);
    assert_int_equal(rate_due(&r, now + 3 * CLOCK_S), now + 3 * CLOCK_S);
}

/* It is not let go while it holds someone up: all who wait would start at once. */
static void it_grows_beyond_what_it_was(void **state UNUSED) {
    struct rate r;
    rate_init(&r, 0);
    start_many(&r, 20, T0);
    drop_many(&r, 5, T0, T0);
    int64_t now = start_many(&r, 400, T0);
    assert_true(r.now > 40);
    assert_true(rate_due(&r, now) > now);
    assert_int_equal(rate_start(&r, now + 20 * CLOCK_S), RATE_WHOLE);
}

/* One broken server in twenty is no reason to be slow with the others. */
static void a_few_drops_are_no_reason(void **state UNUSED) {
    struct rate r;
    rate_init(&r, 0);
    for (int i = 0; i < 2000; i++) {
        int64_t now = T0 + i * CLOCK_MS;
        assert_int_equal(rate_start(&r, now), RATE_SAME);
        assert_int_equal(rate_learn(&r, now, i % 20 == 0, now), RATE_SAME);
    }
}

/* Servers that drop whatever comes, some of them or all, hold up the others for half a minute. */
static void gives_up_where_slowing_down_does_not_help(void **state UNUSED) {
    static const int one_in[] = {1, 2};
    for (size_t i = 0; i < ARRAY_LEN(one_in); i++) {
        struct rate r;
        rate_init(&r, 0);
        start_many(&r, 100, T0);
        int64_t now = T0;
        enum rate_change change = drop_many(&r, 5, T0, now);
        assert_int_equal(change, RATE_SLOWED);
        for (int n = 0; change != RATE_UNRELATED; n++) {
            now = rate_due(&r, now);
            rate_start(&r, now);
            change = rate_learn(&r, now, n % one_in[i] == 0, now + CLOCK_MS);
            assert_true(now - T0 < 30 * CLOCK_S);
        }
        print_message("# one drop in %d: held up for %lld s\n", one_in[i],
                      (long long)((now - T0) / CLOCK_S));
        assert_int_equal(rate_due(&r, now), now);
        assert_int_equal(drop_many(&r, 100, now, now + 60 * CLOCK_S), RATE_SAME);
        start_many(&r, 10, now + 400 * CLOCK_S);
        assert_int_equal(drop_many(&r, 100, now + 400 * CLOCK_S, now + 400 * CLOCK_S), RATE_SLOWED);
    }
}

#define SERVERS 2000
#define FLIGHT 64
#define LATENCY (50 * CLOCK_MS)

/* A machine that takes so many a second, three at once, and drops what is more than that. */
struct machine {
    double capacity, room;
    int64_t refilled;
    int taken, dropped;
};

static bool machine_drops(struct machine *m, int64_t now) {
    m->room += (double)(now - m->refilled) / 1e9 * m->capacity;
    m->room = m->room > 3 ? 3 : m->room;
    m->refilled = now;
    bool drops = m->room < 1;
    m->room -= drops ? 0 : 1;
    m->dropped += drops;
    m->taken += !drops;
    return drops;
}

/* 2,000 servers, 64 of them in flight at most, the outcome of each known after a while. */
static void it_finds_what_a_machine_takes(void **state UNUSED) {
    static const int capacities[] = {5, 20, 300};
    for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
        struct machine m = {.capacity = capacities[i], .room = 3, .refilled = T0};
        struct rate r;
        int64_t now = T0, half = T0, began[SERVERS];
        bool drops[SERVERS];
        rate_init(&r, 0);
        for (int n = 0, told = 0; n < SERVERS; n++) {
            now = rate_due(&r, now);
            if (n - told == FLIGHT && began[told] + LATENCY > now)
                now = began[told] + LATENCY;
            for (; told < n && began[told] + LATENCY <= now; told++)
                assert_int_not_equal(
                    rate_learn(&r, began[told], drops[told], began[told] + LATENCY),
                    RATE_UNRELATED);
            rate_start(&r, now);
            began[n] = now;
            drops[n] = machine_drops(&m, now);
            if (n == SERVERS / 2) {
                half = now;
                m.taken = 0;
            }
        }
        double a_second = m.taken / ((double)(now - half) / 1e9);
        print_message("# of %d a second: %.1f taken in the second half, and %d of %d dropped\n",
                      capacities[i], a_second, m.dropped, SERVERS);
        assert_true(a_second > 0.5 * capacities[i]);
        assert_true(m.dropped < SERVERS / 3);
    }
}

/* ---- pace: threads ----------------------------------------------------------------------------
 */

#define MANY 64

static struct {
    struct cancel *cancel;
    struct pace *pace;
    struct error err;
    atomic_int started;
    atomic_bool go;
} f;

static int set_up(void **state UNUSED) {
    atomic_store(&f.started, 0);
    f.pace = NULL;
    return cancel_new(&f.cancel, &f.err);
}

static int tear_down(void **state UNUSED) {
    pace_free(f.pace);
    cancel_free(f.cancel);
    return 0;
}

static void make_pace(double rate) {
    assert_int_equal(pace_new(rate, NULL, &f.pace, &f.err), 0);
}

static void *take_turns(void *arg UNUSED) {
    struct start start;
    struct error err;
    for (int i = 0; i < 5; i++)
        if (pace_wait(f.pace, f.cancel, DEADLINE_NEVER, &start, &err) == 0)
            atomic_fetch_add(&f.started, 1);
    return NULL;
}

static void keeps_its_rate_with_many_threads(void **state UNUSED) {
    pthread_t threads[MANY];
    make_pace(1000);
    int64_t before = clock_now();
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, NULL), 0);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    int64_t took = clock_now() - before;
    print_message("# %d starts at 1000/s took %lld ms\n", 5 * MANY, (long long)(took / CLOCK_MS));
    assert_int_equal(atomic_load(&f.started), 5 * MANY);
    assert_in_range(took, 300 * CLOCK_MS, 2 * CLOCK_S); /* late threads are the machine's */
}

struct turn {
    int order;
    _Atomic pid_t thread; /* 0: it does not run yet */
    int64_t deadline;
    int rc;
    struct error err;
};

static void *take_turn(void *arg) {
    struct turn *t = arg;
    struct start start;
    t->thread = gettid();
    t->rc = pace_wait(f.pace, f.cancel, t->deadline, &start, &t->err);
    t->order = atomic_fetch_add(&f.started, 1);
    return NULL;
}

/* Whether the kernel has the thread asleep, as one is that stands in the queue. */
static bool sleeps(pid_t thread) {
    char path[64], line[256] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
    FILE *in = thread ? fopen(path, "r") : NULL;
    if (!in)
        return false;
    const char *end = fgets(line, sizeof(line), in) ? strrchr(line, ')') : NULL;
    fclose(in);
    return end && end[2] == 'S';
}

static void begin_turn(pthread_t *thread, struct turn *t) {
    int64_t patience = deadline_in(10 * CLOCK_S);
    assert_int_equal(pthread_create(thread, NULL, take_turn, t), 0);
    while (!sleeps(t->thread) && clock_now() < patience)
        usleep(500);
}

static void gives_turns_in_the_order_of_asking(void **state UNUSED) {
    pthread_t threads[6];
    struct turn turns[6];
    make_pace(10);
    for (int i = 0; i < 6; i++) {
        turns[i] = (struct turn){.deadline = DEADLINE_NEVER};
        if (i > 0)
            begin_turn(&threads[i], &turns[i]);
        else /* which does not wait */
            assert_int_equal(pthread_create(&threads[i], NULL, take_turn, &turns[i]), 0);
        while (i == 0 && atomic_load(&f.started) == 0)
            usleep(500);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(turns[i].rc, 0);
        assert_int_equal(turns[i].order, i);
    }
}

/* The first in the queue gives up, and then the last: who stands between has the turn in time. */
static void waits_end_at_their_deadline_and_with_the_run(void **state UNUSED) {
    pthread_t threads[3];
    struct turn turns[3];
    struct start start;
    make_pace(2);
    assert_int_equal(pace_wait(f.pace, f.cancel, DEADLINE_NEVER, &start, &f.err), 0);
    int64_t before = clock_now();
    static const int64_t within[] = {20 * CLOCK_MS, 10 * CLOCK_S, 10 * CLOCK_S};
    for (int i = 0; i < 3; i++) {
        turns[i] = (struct turn){.deadline = before + within[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, take_turn, &turns[i]), 0);
        usleep(5000);
    }
    pthread_join(threads[0], NULL);
    assert_in_range(clock_now() - before, 20 * CLOCK_MS, 490 * CLOCK_MS);
    pthread_join(threads[1], NULL);
    assert_in_range(clock_now() - before, 490 * CLOCK_MS, 950 * CLOCK_MS);
    cancel_fire(f.cancel);
    pthread_join(threads[2], NULL);
    assert_true(clock_now() - before < 2 * CLOCK_S);
    assert_int_equal(turns[0].err.kind, ERROR_TIMEOUT);
    assert_int_equal(turns[1].rc, 0);
    assert_int_equal(turns[2].err.kind, ERROR_INTERRUPTED);
}

static void slows_down_for_those_who_wait(void **state UNUSED) {
    struct start starts[40], one;
    make_pace(0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(pace_wait(f.pace, f.cancel, DEADLINE_NEVER, &starts[i], &f.err), 0);
    for (int i = 0; i < 40; i++) {
        pace_tell(&starts[i], true);
        pace_tell(&starts[i], true); /* counts once */
    }
    /* 40 in that second: 20 from now on */
    int64_t before = clock_now();
    for (int i = 0; i < 5; i++)
        assert_int_equal(pace_wait(f.pace, f.cancel, DEADLINE_NEVER, &one, &f.err), 0);
    assert_in_range(clock_now() - before, 190 * CLOCK_MS, CLOCK_S);
    pace_tell(&(struct start){0}, true); /* nothing to tell */
}

static void knows_the_words_of_a_drop(void **state UNUSED) {
    assert_true(pace_means_dropped("Exceeded MaxStartups"));
    assert_true(pace_means_dropped("Not allowed at this time"));
    assert_true(
        pace_means_dropped("the ProxyCommand ended with status 255: "
                           "kex_exchange_identification: Connection closed by remote host"));
    assert_true(pace_means_dropped("Connection reset by 10.0.0.1 port 22"));
    assert_false(pace_means_dropped("the ProxyCommand ended with status 3: no way to web1"));
    assert_false(pace_means_dropped("connect to host 10.0.0.7 port 22: Connection refused"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv) {
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_spaces_its_starts),
        cmocka_unit_test(no_rate_is_no_wait),
        cmocka_unit_test(a_late_start_delays_none_after_it),
        cmocka_unit_test(drops_halve_what_was_measured),
        cmocka_unit_test(what_was_asked_for_is_the_most),
        cmocka_unit_test(it_recovers_by_steps),
        cmocka_unit_test(it_grows_beyond_what_it_was),
        cmocka_unit_test(a_few_drops_are_no_reason),
        cmocka_unit_test(gives_up_where_slowing_down_does_not_help),
        cmocka_unit_test(it_finds_what_a_machine_takes),
        TEST(keeps_its_rate_with_many_threads),
        TEST(gives_turns_in_the_order_of_asking),
        TEST(waits_end_at_their_deadline_and_with_the_run),
        TEST(slows_down_for_those_who_wait),
        TEST(knows_the_words_of_a_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
