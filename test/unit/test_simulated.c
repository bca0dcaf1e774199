/* What transport/simulation and transport/simulated promise. */
#include "test.h"

#include "base/clock.h"
#include "base/str.h"
#include "transport/simulated.h"
#include "wire/wire.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct cancel *cancel;

static int set_up(UNUSED void **state) {
    struct error err;
    return cancel_new(&cancel, &err);
}

static int tear_down(UNUSED void **state) {
    cancel_free(cancel);
    return 0;
}

static int64_t soon(void) {
    return deadline_in(20 * CLOCK_S);
}

static struct transport *make(const char *spec) {
    struct error err = {0};
    struct simulation s;
    struct transport *t = NULL;
    if (simulation_parse(spec, &s, &err) != 0 || transport_simulated_new(&s, cancel, &t, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    return t;
}

/* ---- the specification ---- */

static void has_defaults(UNUSED void **state) {
    static const char *const none[] = {NULL, ""};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct error err;
        struct simulation s;
        assert_int_equal(simulation_parse(none[i], &s, &err), 0);
        assert_int_equal(s.servers, 10);
        assert_false(s.seed_given);
        assert_int_equal(s.delay_min, CLOCK_S);
        assert_int_equal(s.delay_max, 10 * CLOCK_S);
        assert_true(s.score_min == 0 && s.score_max == 100);
        assert_true(s.error_percent == 0);
    }
}

static void reads_a_specification(UNUSED void **state) {
    struct error err;
    struct simulation s;
    assert_int_equal(
        simulation_parse("servers=500,seed=0,delay=20ms-1.5s,score=10-90.5,error=2.5%", &s, &err),
        0);
    assert_int_equal(s.servers, 500);
    assert_true(s.seed_given);
    assert_int_equal(s.seed, 0);
    assert_int_equal(s.delay_min, 20 * CLOCK_MS);
    assert_int_equal(s.delay_max, 1500 * CLOCK_MS);
    assert_true(s.score_min == 10 && s.score_max == 90.5);
    assert_true(s.error_percent == 2.5);
    assert_int_equal(simulation_parse("score=42,error=100,delay=1s", &s, &err), 0);
    assert_true(s.score_min == 42 && s.score_max == 42 && s.error_percent == 100);
    assert_true(s.delay_min == CLOCK_S && s.delay_max == CLOCK_S);
}

static void a_delay_may_be_zero(UNUSED void **state) {
    static const char *const specs[] = {"delay=0",   "delay=0s",     "delay=0s-0s", "delay=0ms",
                                        "delay=0-0", "delay=0.0s-0", "delay=00h"};
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        struct error err = {0};
        struct simulation s;
        if (simulation_parse(specs[i], &s, &err) != 0)
            fail_msg("%s: %s", specs[i], err.text);
        assert_int_equal(s.delay_min, 0);
        assert_int_equal(s.delay_max, 0);
    }
    struct error err;
    struct simulation s;
    assert_int_equal(simulation_parse("delay=0-20ms", &s, &err), 0);
    assert_true(s.delay_min == 0 && s.delay_max == 20 * CLOCK_MS);
}

static void refuses_what_it_does_not_understand(UNUSED void **state) {
    static const struct {
        const char *spec;
        const char *part; /* of the sentence */
    } cases[] = {
        {"server=3", "no 'server': did you mean 'servers'?"},
        {"dealy=0", "did you mean 'delay'?"},
        {"banana=1", "no 'banana': it has servers, seed"},
        {"servers=5,", "no ''"},
        {"=5", "no ''"},
        {"servers", "'servers' is a number of 1 to 10000000, not ''"},
        {"servers=0", "'servers' is"},
        {"servers=-1", "'servers' is"},
        {"servers=10000001", "'servers' is"},
        {"servers=99999999999999999999999", "'servers' is"},
        {"servers=5x", "'servers' is a number of 1 to 10000000, not '5x'"},
        {"servers=5,servers=6", "'servers' is given twice"},
        {"seed=9223372036854775808", "'seed' is"},
        {"seed=x", "'seed' is"},
        {"delay=10", "'delay': the duration '10' has no unit"},
        {"delay=", "'delay'"},
        {"delay=2s-1s",
         "'delay' is a duration or a range of two, as in 20ms or 1s-10s, not '2s-1s'"},
        {"delay=1s-", "'delay'"},
        {"delay=0x", "'delay'"},
        {"skew=0", "'skew' is a number above 0 and up to 100, not '0'"},
        {"skew=101", "'skew' is"},
        {"skew=", "'skew' is"},
        {"score=90-10", "'score' is"},
        {"score=-5", "'score' is"},
        {"score=1-2-3", "'score' is"},
        {"score=nan", "'score' is"},
        {"score=1e5", "'score' is"},
        {"score=5.", "'score' is"},
        {"error=101%", "'error' is a share of the servers of 0% to 100%, not '101%'"},
        {"error=%", "'error' is"},
        {"error=5%%", "'error' is"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct simulation s;
        if (simulation_parse(cases[i].spec, &s, &err) == 0)
            fail_msg("'%s' was taken", cases[i].spec);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (!strstr(err.text, cases[i].part))
            fail_msg("'%s': %s", cases[i].spec, err.text);
    }
}

static void names_servers_by_numbers(UNUSED void **state) {
    struct error err;
    struct simulation s;
    struct servers list;
    assert_int_equal(simulation_parse("servers=1234", &s, &err), 0);
    assert_int_equal(simulation_servers(&s, &list, &err), 0);
    assert_int_equal(list.count, 1234);
    assert_string_equal(list.items[0].name, "1");
    assert_string_equal(list.items[1233].name, "1234");
    assert_string_equal(list.items[1233].host, "1234");
    servers_done(&list);
}

/* ---- sessions ---- */

static int open_session(struct transport *t, const char *name, struct session **ret,
                        struct error *err) {
    const struct server server = {.name = (char *)name, .host = (char *)name};
    return transport_open(t, &server, soon(), ret, err);
}

/* Reads a line of at most 511 bytes without its newline. Returns its length, 0 at the end, or -1.
 */
static ssize_t read_line(struct session *s, char line[512], int64_t deadline, struct error *err) {
    size_t len = 0;
    while (len == 0 || line[len - 1] != '\n') {
        assert_true(len < 511);
        ssize_t n = session_read(s, line + len, 511 - len, deadline, err);
        if (n <= 0)
            return n;
        len += (size_t)n;
    }
    line[len - 1] = '\0';
    return (ssize_t)len - 1;
}

static void expect_message(struct session *s, struct wire_message *ret) {
    struct error err = {0};
    char line[512];
    ssize_t n = read_line(s, line, soon(), &err);
    if (n <= 0 || wire_parse(line, (size_t)n, ret, &err) != 0)
        fail_msg("%s", err.text);
}

static void start(struct session *s) {
    struct error err;
    struct wire_message hello;
    assert_int_equal(session_start(s, "anything", soon(), &err), 0);
    expect_message(s, &hello);
    assert_int_equal(hello.type, WIRE_HELLO);
    assert_string_equal(hello.arch, "simulated");
    wire_message_done(&hello);
}

static struct session *begin(struct transport *t, const char *name) {
    struct error err = {0};
    struct session *s = NULL;
    if (open_session(t, name, &s, &err) != 0)
        fail_msg("%s: %s", name, err.text);
    start(s);
    return s;
}

static void ask(struct session *s, int64_t id, const char *benchmark, int64_t timeout_ms) {
    struct error err = {0};
    cleanup(str_done) struct str line = {0};
    wire_add_benchmark(&line, id, benchmark, timeout_ms, 1, 0, "{\"id\":77,\"name\":\"other\"}");
    if (session_write(s, line.data, line.len, soon(), &err) != 0)
        fail_msg("%s", err.text);
}

static double measure(struct session *s, int64_t id, const char *benchmark) {
    struct wire_message m;
    ask(s, id, benchmark, 60000);
    expect_message(s, &m);
    assert_int_equal(m.type, WIRE_METRICS);
    assert_int_equal(m.id, id);
    assert_int_equal(m.metric_count, 1);
    assert_string_equal(m.metrics[0].name, "score");
    assert_string_equal(m.metrics[0].unit, "points");
    assert_false(m.metrics[0].lower_is_better);
    double score = m.metrics[0].value;
    wire_message_done(&m);
    return score;
}

static double measure_once(struct transport *t, const char *server, const char *benchmark) {
    struct session *s = begin(t, server);
    double score = measure(s, 1, benchmark);
    session_close(s);
    return score;
}

static void scores_are_whole_and_spread_over_the_range(UNUSED void **state) {
    struct transport *t = make("delay=0,seed=1,score=20-29");
    size_t seen[10] = {0};
    double sum = 0;
    for (int i = 1; i <= 2000; i++) {
        char name[12];
        snprintf(name, sizeof(name), "%d", i);
        double score = measure_once(t, name, "cpu");
        assert_true(score >= 20 && score <= 29 && score == (int)score);
        seen[(int)score - 20]++;
        sum += score;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_in_range(seen[i], 140, 260); /* 200 expected, sigma 13.4 */
    assert_true(sum / 2000 > 24.2 && sum / 2000 < 24.8);
    transport_free(t);
}

static void a_range_without_a_whole_number_gives_others(UNUSED void **state) {
    struct transport *t = make("delay=0,seed=1,score=0.2-0.8");
    double score = measure_once(t, "1", "cpu");
    assert_true(score >= 0.2 && score <= 0.8);
    transport_free(t);
}

static void the_seed_and_the_names_alone_decide(UNUSED void **state) {
    struct transport *t = make("delay=0,seed=7,score=0-1000000000");
    struct transport *same = make("servers=3,delay=0,seed=7,score=0-1000000000");
    struct transport *other = make("delay=0,seed=8,score=0-1000000000");
    struct session *one = begin(t, "1");
    struct session *two = begin(t, "2");
    double first = measure(one, 1, "cpu");
    double elsewhere = measure(two, 1, "cpu");
    double gpu = measure(one, 2, "gpu");
    double second = measure(one, 3, "cpu");
    session_close(one);
    session_close(two);

    one = begin(same, "1");
    assert_true(measure(one, 10, "gpu") == gpu); /* another order */
    assert_true(measure(one, 11, "cpu") == first);
    assert_true(measure(one, 12, "cpu") == second);
    session_close(one);
    assert_true(measure_once(same, "2", "cpu") == elsewhere);

    assert_true(first != elsewhere && first != gpu && first != second);
    assert_true(measure_once(other, "1", "cpu") != first);
    transport_free(t);
    transport_free(same);
    transport_free(other);
}

static void answers_a_command_with_a_number(UNUSED void **state) {
    struct error err;
    struct transport *t = make("delay=0,seed=1,score=42");
    struct session *s = begin(t, "1");
    cleanup(str_done) struct str line = {0};
    wire_add_command(&line, 5, "echo \"name\": \\ x", 1000, 100, 0, NULL, 0, NULL);
    assert_int_equal(session_write(s, line.data, line.len, soon(), &err), 0);
    struct wire_message m;
    expect_message(s, &m);
    assert_int_equal(m.type, WIRE_OUTPUT);
    assert_int_equal(m.id, 5);
    assert_int_equal(m.status, 0);
    assert_string_equal(m.output, "42\n");
    wire_message_done(&m);
    session_close(s);
    transport_free(t);
}

static void an_answer_takes_its_delay(UNUSED void **state) {
    struct transport *t = make("delay=300ms-600ms,seed=1");
    struct session *s = begin(t, "1");
    int64_t before = clock_now();
    ask(s, 1, "cpu", 60000);
    assert_true(clock_now() - before < 250 * CLOCK_MS); /* the reader waits, not the writer */
    struct wire_message m;
    expect_message(s, &m);
    assert_true(clock_now() - before >= 300 * CLOCK_MS);
    assert_true(m.seconds >= 0.3 && m.seconds <= 0.6);
    wire_message_done(&m);
    session_close(s);
    transport_free(t);
}

/* What the i-th server says that a benchmark took. */
static double seconds_of(struct transport *t, int i, const char *benchmark) {
    struct wire_message m;
    char name[12];
    snprintf(name, sizeof(name), "%d", i);
    struct session *s = begin(t, name);
    ask(s, 1, benchmark, 60000);
    expect_message(s, &m);
    double seconds = m.seconds;
    wire_message_done(&m);
    session_close(s);
    return seconds;
}

static void skewed_delays_are_the_servers_own(UNUSED void **state) {
    struct transport *t = make("delay=0-1ms,seed=5,skew=4");
    struct transport *again = make("delay=0-1ms,seed=5,skew=4,score=7");
    size_t upper_half = 0;
    double sum = 0;
    for (int i = 1; i <= 500; i++) {
        double seconds = seconds_of(t, i, "cpu");
        assert_true(seconds >= 0 && seconds <= 1e-3);
        assert_true(seconds_of(again, i, "gpu") == seconds);
        sum += seconds;
        upper_half += seconds > 500e-6;
    }
    /* (B - A) / 5 on average, sigma of the mean 12 us; 16 % above the half, sigma 1.6 % */
    assert_true(sum / 500 > 152e-6 && sum / 500 < 248e-6);
    assert_in_range(upper_half, 55, 105);
    transport_free(t);
    transport_free(again);
}

static void lease(struct session *s, int64_t beat_ms, const char *behind) {
    struct error err = {0};
    cleanup(str_done) struct str text = {0};
    wire_add_lease(&text, &(struct wire_lease){.lease_ms = 60000, .beat_ms = beat_ms});
    str_add(&text, behind);
    if (session_write(s, text.data, text.len, soon(), &err) != 0)
        fail_msg("%s", err.text);
}

/* In pieces and with deadlines that pass, between which it is told that muster is there. */
static void read_in_beats(struct session *s, struct wire_message *ret) {
    struct error err = {0};
    char line[512];
    size_t len = 0;
    while (len == 0 || line[len - 1] != '\n') {
        assert_true(len + 5 <= sizeof(line));
        ssize_t n = session_read(s, line + len, 5, deadline_in(10 * CLOCK_MS), &err);
        len += n > 0 ? (size_t)n : 0;
        if (n < 0 && err.kind != ERROR_TIMEOUT)
            fail_msg("%s", err.text);
        if (n < 0)
            lease(s, 50, "");
    }
    if (wire_parse(line, len - 1, ret, &err) != 0)
        fail_msg("%s", err.text);
}

static void beats_until_the_answer_is_there(UNUSED void **state) {
    struct transport *t = make("delay=230ms,seed=1,score=42");
    struct session *s = begin(t, "1");
    struct wire_message m;
    int beats = -1;
    cleanup(str_done) struct str line = {0};
    wire_add_benchmark(&line, 7, "cpu", 60000, 1, 0, "{}");
    lease(s, 50, line.data);
    do {
        read_in_beats(s, &m);
        beats++;
    } while (m.type == WIRE_ALIVE);
    assert_int_equal(m.type, WIRE_METRICS);
    assert_int_equal(m.id, 7);
    assert_true(m.metrics[0].value == 42);
    wire_message_done(&m);
    assert_in_range(beats, 1, 4);
    read_in_beats(s, &m); /* with nothing to do it beats, too */
    assert_int_equal(m.type, WIRE_ALIVE);
    session_close(s);
    transport_free(t);
}

static void tells_when_a_read_is_due(UNUSED void **state) {
    struct transport *t = make("delay=30ms,seed=1");
    struct session *s = begin(t, "1");
    struct wire_message m;
    assert_true(simulated_due(s) == DEADLINE_NEVER);
    int64_t before = clock_now();
    ask(s, 1, "cpu", 60000);
    int64_t due = simulated_due(s);
    assert_true(due >= before + 30 * CLOCK_MS && due <= clock_now() + 30 * CLOCK_MS);
    expect_message(s, &m);
    wire_message_done(&m);
    assert_true(simulated_due(s) == DEADLINE_NEVER);
    before = clock_now();
    lease(s, 50, ""); /* beats are due without a request */
    assert_true(simulated_due(s) >= before + 50 * CLOCK_MS);
    assert_true(simulated_due(s) <= clock_now() + 50 * CLOCK_MS);
    session_close(s);
    transport_free(t);
}

static void a_time_out_passes_first(UNUSED void **state) {
    struct transport *t = make("delay=30s,seed=1");
    struct session *s = begin(t, "1");
    ask(s, 1, "cpu", 10);
    struct wire_message m;
    expect_message(s, &m);
    assert_int_equal(m.type, WIRE_ERROR);
    assert_int_equal(m.reason, REASON_TIMEOUT);
    wire_message_done(&m);
    session_close(s);
    transport_free(t);
}

static void a_read_ends_at_its_deadline(UNUSED void **state) {
    struct error err = {0};
    char byte;
    struct transport *t = make("delay=30s,seed=1");
    struct session *s = begin(t, "1");
    ask(s, 1, "cpu", 60000);
    int64_t deadline = deadline_in(10 * CLOCK_MS);
    assert_int_equal(session_read(s, &byte, 1, deadline, &err), -1);
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    assert_true(clock_now() >= deadline);
    session_close(s);
    s = begin(t, "1"); /* nothing was asked for, so nothing comes */
    assert_int_equal(session_read(s, &byte, 1, deadline_in(10 * CLOCK_MS), &err), -1);
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    session_close(s);
    transport_free(t);
}

static void *fire_later(void *c) {
    usleep(20000);
    cancel_fire(c);
    return NULL;
}

static void the_cancel_token_ends_a_read(UNUSED void **state) {
    struct error err = {0};
    struct simulation sim;
    struct cancel *own;
    struct transport *t;
    pthread_t thread;
    char byte;
    assert_int_equal(simulation_parse("delay=30s", &sim, &err), 0);
    assert_int_equal(cancel_new(&own, &err), 0);
    assert_int_equal(transport_simulated_new(&sim, own, &t, &err), 0);
    struct session *s = begin(t, "1");
    ask(s, 1, "cpu", 60000);
    assert_int_equal(pthread_create(&thread, NULL, fire_later, own), 0);
    assert_int_equal(session_read(s, &byte, 1, DEADLINE_NEVER, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    pthread_join(thread, NULL);
    session_close(s);
    assert_int_equal(open_session(t, "2", &s, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    transport_free(t);
    cancel_free(own);
}

static void refuses_what_is_no_request(UNUSED void **state) {
    static const char *const bad[] = {
        "",
        "\n",
        "{}\n",
        "{\"type\":\"benchmark\",\"id\":1,\"name\":\"cpu\"}",
        "{\"type\":\"benchmark\",\"id\":1,\"name\":\"cpu\"}\n\n",
        "{\"type\":\"benchmark\",\"id\":1}\n",
        "{\"type\":\"benchmark\",\"name\":\"cpu\"}\n",
        "{\"type\":\"benchmark\",\"id\":1,\"name\":\n",
        "{\"type\":\"benchmark\",\"id\":1,\"name\":7}\n",
    };
    struct transport *t = make("delay=0,seed=1");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = {0};
        struct session *s = begin(t, "1");
        /* a copy of exactly this size, so that reading beyond it is found */
        size_t n = strlen(bad[i]);
        char *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, bad[i], n);
        if (session_write(s, copy, n, soon(), &err) == 0)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_INTERNAL);
        free(copy);
        session_close(s);
    }
    transport_free(t);
}

static void counts_many_benchmarks(UNUSED void **state) {
    struct transport *t = make("delay=0,seed=1,score=0-1000000000");
    struct session *s = begin(t, "1");
    double first[40];
    for (int i = 0; i < 40; i++) {
        char name[20];
        snprintf(name, sizeof(name), "benchmark%d", i);
        first[i] = measure(s, i + 1, name);
        assert_true(measure(s, i + 1, name) != first[i]);
    }
    session_close(s);
    assert_true(measure_once(t, "1", "benchmark39") == first[39]);
    transport_free(t);
}

/* ---- servers that err ---- */

enum way { UNREACHABLE, LOST, CRASHED, GARBAGE, INTERNAL, WELL, WAYS };

static enum way find_way(struct transport *t, const char *name) {
    struct error err = {0};
    struct session *s;
    struct wire_message m;
    char line[512];
    if (open_session(t, name, &s, &err) != 0) {
        assert_int_equal(err.kind, ERROR_UNREACHABLE);
        return UNREACHABLE;
    }
    start(s);
    ask(s, 1, "cpu", 60000);
    enum way way = LOST;
    ssize_t n = read_line(s, line, soon(), &err);
    assert_true(n >= 0);
    if (n > 0 && wire_parse(line, (size_t)n, &m, &err) != 0) {
        assert_int_equal(err.kind, ERROR_BAD_OUTPUT);
        way = GARBAGE;
    } else if (n > 0) {
        assert_int_equal(m.id, 1);
        way = m.type == WIRE_METRICS                 ? WELL
              : m.reason == REASON_BENCHMARK_CRASHED ? CRASHED
                                                     : INTERNAL;
        if (way == INTERNAL)
            assert_int_equal(m.reason, REASON_INTERNAL);
        wire_message_done(&m);
    }
    session_close(s);
    return way;
}

static void a_share_of_the_servers_errs_in_every_way(UNUSED void **state) {
    struct transport *t = make("delay=0,seed=3,error=50%");
    size_t ways[WAYS] = {0};
    for (int i = 1; i <= 2000; i++) {
        char name[12];
        snprintf(name, sizeof(name), "%d", i);
        enum way way = find_way(t, name);
        ways[way]++;
        assert_int_equal(find_way(t, name), way); /* a server errs in one way */
    }
    assert_in_range(ways[WELL], 900, 1100); /* sigma 22 */
    for (int way = 0; way < WELL; way++)
        assert_in_range(ways[way], 140, 260);
    transport_free(t);
}

static void none_or_all_err(UNUSED void **state) {
    struct transport *none = make("delay=0,seed=3,error=0%");
    struct transport *all = make("delay=0,seed=3,error=100%");
    for (int i = 1; i <= 300; i++) {
        char name[12];
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(find_way(none, name), WELL);
        assert_int_not_equal(find_way(all, name), WELL);
    }
    transport_free(none);
    transport_free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(reads_a_specification),
        cmocka_unit_test(a_delay_may_be_zero),
        cmocka_unit_test(refuses_what_it_does_not_understand),
        cmocka_unit_test(names_servers_by_numbers),
        cmocka_unit_test(scores_are_whole_and_spread_over_the_range),
        cmocka_unit_test(a_range_without_a_whole_number_gives_others),
        cmocka_unit_test(the_seed_and_the_names_alone_decide),
        cmocka_unit_test(answers_a_command_with_a_number),
        cmocka_unit_test(an_answer_takes_its_delay),
        cmocka_unit_test(skewed_delays_are_the_servers_own),
        cmocka_unit_test(beats_until_the_answer_is_there),
        cmocka_unit_test(tells_when_a_read_is_due),
        cmocka_unit_test(a_time_out_passes_first),
        cmocka_unit_test(a_read_ends_at_its_deadline),
        cmocka_unit_test(the_cancel_token_ends_a_read),
        cmocka_unit_test(refuses_what_is_no_request),
        cmocka_unit_test(counts_many_benchmarks),
        cmocka_unit_test(a_share_of_the_servers_errs_in_every_way),
        cmocka_unit_test(none_or_all_err),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
