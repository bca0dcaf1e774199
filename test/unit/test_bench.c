/* What bench promises: one server, from connecting to its verdict. */
#include "test.h"

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/image.h"
#include "fake_transport.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO                                                                                      \
    "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":"                                 \
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"arch\":\"fake\","      \
    "\"facts\":{\"cores\":4}}\n"
#define METRICS(id, x)                                                                             \
    "{\"type\":\"metrics\",\"id\":" id ",\"seconds\":1,\"units\":2,\"metrics\":[{\"name\":"        \
    "\"all_cores\",\"unit\":\"Mop/s\",\"value\":" x ",\"better\":\"higher\"},{\"name\":"           \
    "\"one_core\",\"unit\":\"Mop/s\",\"value\":5,\"better\":\"higher\"}]}\n"
#define OUTPUT(id, status, base64)                                                                 \
    "{\"type\":\"output\",\"id\":" id ",\"seconds\":1,\"status\":" status                          \
    ",\"truncated\":false,\"output\":\"" base64 "\"}\n"

static struct reference known = {
    .benchmark = "cpu", .metric = "all_cores", .per_unit = true, .value = 100};
static struct references references = {.items = &known, .count = 1};
static struct benchmark_plan benchmarks[2];
static struct plan plan;
static struct extract *number;

static int set_up(UNUSED void **state) {
    struct error err;
    if (extract_regex("([0-9]+)", &number, &err) < 0)
        return -1;
    static char no_parameters[] = "{}";
    benchmarks[0] = (struct benchmark_plan){.name = "cpu",
                                            .parameters = no_parameters,
                                            .reference = NAN,
                                            .references = &references,
                                            .threshold = 50,
                                            .timeout = CLOCK_S,
                                            .trials = 1,
                                            .max_trials = 1};
    benchmarks[1] = (struct benchmark_plan){.name = "redis",
                                            .command = "redis-benchmark",
                                            .extract = number,
                                            .unit = "requests/s",
                                            .reference = NAN,
                                            .threshold = 50,
                                            .timeout = CLOCK_S,
                                            .trials = 1,
                                            .max_trials = 1};
    plan = (struct plan){.benchmarks = benchmarks,
                         .benchmark_count = 2,
                         .start_timeout = CLOCK_S,
                         .lease = 200 * CLOCK_MS,
                         .heartbeat = 60 * CLOCK_MS,
                         .server_timeout = 60 * CLOCK_S};
    return 0;
}

static int tear_down(UNUSED void **state) {
    extract_free(number);
    return 0;
}

static struct server_result run(struct fake_transport *f) {
    struct bench bench = {&plan, "COMMAND", &f->transport, NULL, NULL};
    struct server server = {.name = (char *)"web03", .host = (char *)"web03"};
    struct server_result r;
    struct error err;
    if (bench_server(&bench, &server, deadline_in(plan.server_timeout), &r, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(f->opened, f->closed);
    return r;
}

static struct server_result run_script(const char *const *script) {
    static struct fake_transport f;
    fake_transport_init(&f, script);
    return run(&f);
}

static void check(struct server_result *r, enum reason reason, const char *detail) {
    if (r->reason != reason)
        fail_msg("reason %s: %s", reason_name(r->reason), r->detail);
    assert_int_equal(r->verdict, reason_verdict(reason));
    if (!detail)
        assert_null(r->detail);
    else if (!r->detail || !strstr(r->detail, detail))
        fail_msg("'%s' lacks '%s'", r->detail ? r->detail : "", detail);
    server_result_done(r);
}

static void passes_a_good_server(UNUSED void **state) {
    struct server_result r = run_script(
        (const char *const[]){HELLO, METRICS("1", "180"), OUTPUT("2", "0", "ODAK"), NULL});
    assert_string_equal(r.facts, "{\"cores\":4}");
    assert_int_equal(r.benchmark_count, 2);
    assert_true(r.benchmarks[0].score == 90 && r.benchmarks[0].reference == 200);
    assert_string_equal(r.benchmarks[0].metric, "all_cores");
    assert_int_equal(r.benchmarks[0].metric_count, 2);
    assert_true(r.benchmarks[1].score == 80);
    assert_string_equal(r.benchmarks[1].unit, "requests/s");
    check(&r, REASON_NONE, NULL);
}

static void fails_a_slow_server_with_its_numbers(UNUSED void **state) {
    struct server_result r = run_script(
        (const char *const[]){HELLO, METRICS("1", "68"), OUTPUT("2", "0", "ODAK"), NULL});
    check(&r, REASON_BELOW_THRESHOLD, "cpu scored 34, below 50");
}

static void the_median_of_the_trials_counts(UNUSED void **state) {
    benchmarks[0].trials = benchmarks[0].max_trials = 3;
    struct server_result r =
        run_script((const char *const[]){HELLO, METRICS("1", "300"), METRICS("2", "100"),
                                         METRICS("3", "200"), OUTPUT("4", "0", "ODAK"), NULL});
    assert_int_equal(r.benchmarks[0].trial_count, 3);
    assert_true(r.benchmarks[0].value == 200 && r.benchmarks[0].spread == 100);
    assert_true(r.benchmarks[0].metrics[1].value == 5);
    check(&r, REASON_NONE, NULL);
}

static void a_benchmark_that_errs_does_not_keep_the_next_from_running(UNUSED void **state) {
    struct server_result r = run_script((const char *const[]){
        HELLO,
        "{\"type\":\"error\",\"id\":1,\"reason\":\"unsupported\",\"detail\":\"no such cpu\"}\n",
        OUTPUT("2", "0", "ODAK"), NULL});
    assert_int_equal(r.benchmarks[0].reason, REASON_UNSUPPORTED);
    assert_int_equal(r.benchmarks[1].verdict, VERDICT_PASSED);
    check(&r, REASON_UNSUPPORTED, "cpu: no such cpu");
}

static void a_command_is_judged_by_status_and_output(UNUSED void **state) {
    struct server_result r = run_script(
        (const char *const[]){HELLO, METRICS("1", "180"), OUTPUT("2", "3", "Ym9vbQo="), NULL});
    check(&r, REASON_BENCHMARK_CRASHED, "redis ended with status 3: boom");
    r = run_script((const char *const[]){HELLO, METRICS("1", "180"), OUTPUT("2", "139", ""), NULL});
    check(&r, REASON_BENCHMARK_CRASHED, "redis was ended by signal 11");
    r = run_script((const char *const[]){HELLO, METRICS("1", "180"), OUTPUT("2", "255", ""), NULL});
    check(&r, REASON_BENCHMARK_CRASHED, "redis ended with status 255");
    r = run_script(
        (const char *const[]){HELLO, METRICS("1", "180"), OUTPUT("2", "0", "Ym9vbQo="), NULL});
    check(&r, REASON_BAD_OUTPUT, "boom");
}

static void a_lost_session_ends_the_server(UNUSED void **state) {
    struct server_result r = run_script((const char *const[]){HELLO, FAKE_LOST, NULL});
    assert_int_equal(r.benchmark_count, 2);
    assert_int_equal(r.benchmarks[1].reason, REASON_CONNECTION_LOST);
    check(&r, REASON_CONNECTION_LOST, "broke");
    r = run_script((const char *const[]){HELLO, FAKE_END, NULL});
    check(&r, REASON_CONNECTION_LOST, "the agent ended");
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

#define LEASE                                                                                      \
    "{\"type\":\"lease\",\"lease_ms\":200,\"beat_ms\":60,\"busy_wait_ms\":0,\"linger_ms\":0,"      \
    "\"key\":\"web03\",\"round\":0}\n"
#define ALIVE "{\"type\":\"alive\"}\n"

static void a_silent_agent_is_lost(UNUSED void **state) {
    static struct fake_transport f;
    const char *const silent[] = {HELLO, FAKE_SILENCE, NULL};
    fake_transport_init(&f, silent);
    int64_t before = clock_now();
    struct server_result r = run(&f);
    assert_in_range(clock_now() - before, 200 * CLOCK_MS, 2 * CLOCK_S);
    check(&r, REASON_CONNECTION_LOST, "no word from the agent for 200ms");
    /* the first one with the request, then one in every beat */
    assert_ptr_equal(strstr(f.written, LEASE "{\"type\":\"benchmark\""), f.written);
    assert_in_range(count(f.written, LEASE), 2, 4);
    const char *const deaf[] = {HELLO, FAKE_DEAF, NULL};
    fake_transport_init(&f, deaf);
    r = run(&f);
    check(&r, REASON_CONNECTION_LOST, "the server has taken no word for 200ms");
}

static void signs_of_life_are_no_answer(UNUSED void **state) {
    struct server_result r = run_script((const char *const[]){
        HELLO, ALIVE ALIVE METRICS("1", "180"), ALIVE OUTPUT("2", "0", "ODAK"), NULL});
    check(&r, REASON_NONE, NULL);
    plan.server_timeout = 300 * CLOCK_MS;
    int64_t before = clock_now();
    r = run_script((const char *const[]){HELLO, FAKE_ALIVE, NULL});
    assert_in_range(clock_now() - before, 300 * CLOCK_MS, 2 * CLOCK_S);
    check(&r, REASON_TIMEOUT, "the server's time was over while cpu ran (--timeout)");
}

static void another_run_is_not_waited_for_until_the_end(UNUSED void **state) {
    static struct fake_transport f;
    const char *const script[] = {HELLO, METRICS("1", "180"), OUTPUT("2", "0", "ODAK"), NULL};
    plan.busy_wait = 7200 * CLOCK_S;
    fake_transport_init(&f, script);
    struct server_result r = run(&f);
    check(&r, REASON_NONE, NULL);
    const char *told = strstr(f.written, "\"busy_wait_ms\":");
    assert_non_null(told);
    assert_in_range(atoi(told + 15), 54000, 55000);
}

/* What a later session may take up is left to it, and nothing else. */
static void an_agent_that_lingers_is_told_the_end(UNUSED void **state) {
    static struct fake_transport f;
    static const struct {
        const char *const script[4];
        bool told;
    } cases[] = {
        {{HELLO, METRICS("1", "180"), OUTPUT("2", "0", "ODAK"), NULL}, true},
        {{HELLO, METRICS("7", "180"), NULL}, true},
        {{HELLO, METRICS("1", "180"), FAKE_LOST, NULL}, false},
        {{HELLO, METRICS("1", "180"), FAKE_END, NULL}, false},
        {{HELLO, FAKE_SILENCE, NULL}, false},
    };
    plan.linger = 3600 * CLOCK_S;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fake_transport_init(&f, cases[i].script);
        struct server_result r = run(&f);
        assert_non_null(
            strstr(f.written, ",\"linger_ms\":3600000,\"key\":\"web03\",\"round\":0}\n"));
        assert_int_equal(count(f.written, "{\"type\":\"end\"}\n"), cases[i].told);
        server_result_done(&r);
    }
}

static void noise_before_the_agent_is_passed_over(UNUSED void **state) {
    struct server_result r =
        run_script((const char *const[]){"Welcome!\n{\"no\": 1}\n\x1b[0m\r\n\n" HELLO,
                                         METRICS("1", "180"), OUTPUT("2", "0", "ODAK"), NULL});
    check(&r, REASON_NONE, NULL);
    r = run_script((const char *const[]){"{\"muster\":2\x1b]0;web1\a{\"muster\": " HELLO,
                                         METRICS("1", "180"), OUTPUT("2", "0", "ODAK"), NULL});
    check(&r, REASON_BAD_OUTPUT, "not JSON");
    r = run_script((const char *const[]){"welcome {\"muster\":2\n\x1b]0;{\"muster\":1}\a" HELLO,
                                         METRICS("1", "180"), OUTPUT("2", "0", "ODAK"), NULL});
    check(&r, REASON_NONE, NULL);
}

static void endless_noise_is_not(UNUSED void **state) {
    size_t n = 2 * 65536;
    char *noise = malloc(n + 1);
    memset(noise, 'x', n);
    for (size_t i = 99; i < n; i += 100)
        noise[i] = '\n';
    noise[n] = '\0';
    struct server_result r = run_script((const char *const[]){noise, NULL});
    check(&r, REASON_BAD_OUTPUT, "before the agent");
    n = 3 * 1024 * 1024;
    noise = realloc(noise, n + 1);
    memset(noise, 'x', n);
    noise[n] = '\0';
    r = run_script((const char *const[]){noise, NULL});
    check(&r, REASON_BAD_OUTPUT, "line");
    free(noise);
}

static void a_shell_that_ends_is_quoted(UNUSED void **state) {
    static struct fake_transport f;
    const char *const nothing[] = {FAKE_END, NULL};
    fake_transport_init(&f, nothing);
    f.status = 1;
    f.stderr_text = "This account is closed.";
    struct server_result r = run(&f);
    check(&r, REASON_BAD_OUTPUT, "status 1 and said: This account is closed.");
    f.status = -1;
    r = run(&f);
    check(&r, REASON_BAD_OUTPUT, "the remote shell was killed and said: This account is closed.");
    f.status = 127;
    f.stderr_text = "docker: not found";
    r = run(&f);
    check(&r, REASON_UNREACHABLE, "docker: not found");
}

static void a_server_that_cannot_be_opened_has_its_reason(UNUSED void **state) {
    static struct fake_transport f;
    struct error refused;
    error_set(&refused, ERROR_HOST_KEY, "the key has changed");
    fake_transport_init(&f, NULL);
    f.refuse = &refused;
    struct server_result r = run(&f);
    assert_int_equal(r.benchmark_count, 0);
    check(&r, REASON_HOST_KEY, "the key has changed");
}

static void sends_the_agent_when_it_is_missing(UNUSED void **state) {
    static struct fake_transport f;
    size_t n;
    const struct agent_image *image = agent_images(&n);
    char need[128];
    assert_true(n >= 1);
    snprintf(need, sizeof(need), "{\"muster\":1,\"type\":\"need\",\"arch\":\"%s\"}\n", image->arch);
    const char *const script[] = {need, HELLO, METRICS("1", "180"), OUTPUT("2", "0", "ODAK"), NULL};
    fake_transport_init(&f, script);
    struct server_result r = run(&f);
    assert_true(f.written_len > 1000);
    check(&r, REASON_NONE, NULL);
    /* asked twice, it is not sent twice */
    const char *const again[] = {need, need, NULL};
    fake_transport_init(&f, again);
    r = run(&f);
    check(&r, REASON_BAD_OUTPUT, "before it was asked");
}

static void a_wrong_agent_is_refused(UNUSED void **state) {
    size_t n;
    char hello[512];
    snprintf(
        hello, sizeof(hello),
        "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":\"%064d\",\"arch\":\"%s\","
        "\"facts\":{}}\n",
        0, agent_images(&n)->arch);
    struct server_result r = run_script((const char *const[]){hello, NULL});
    check(&r, REASON_BAD_OUTPUT, "SHA-256");
}

static void answers_to_other_questions_are_bad_output(UNUSED void **state) {
    struct server_result r = run_script((const char *const[]){HELLO, METRICS("7", "180"), NULL});
    check(&r, REASON_BAD_OUTPUT, "not asked");
    r = run_script((const char *const[]){HELLO, HELLO, NULL});
    check(&r, REASON_BAD_OUTPUT, "not asked");
    r = run_script((const char *const[]){HELLO, "garbage\n", NULL});
    check(&r, REASON_BAD_OUTPUT, "garbage");
    r = run_script((const char *const[]){HELLO, OUTPUT("1", "0", "ODAK"), METRICS("2", "1"), NULL});
    check(&r, REASON_BAD_OUTPUT, "another question");
}

/* The cpu of two trials, and up to four; 100 of 200 is what passes. */
#define MISS METRICS("1", "98"), METRICS("2", "101")

static void set_trials(int least, int most) {
    benchmarks[0].trials = least;
    benchmarks[0].max_trials = most;
}

static void a_close_verdict_asks_for_more_trials(UNUSED void **state) {
    set_trials(2, 4);
    struct server_result r = run_script((const char *const[]){
        HELLO, MISS, METRICS("3", "110"), METRICS("4", "112"), OUTPUT("5", "0", "ODAK"), NULL});
    const struct benchmark_result *cpu = &r.benchmarks[0];
    assert_true(cpu->trial_count == 4 && cpu->value == 105.5 && cpu->spread == 7);
    assert_true(cpu->flaky && server_result_flaky(&r));
    assert_string_equal(cpu->detail, "cpu scored 52.8, not below 50; noise could turn that: 4 "
                                     "trials put it between 49 and 56");
    assert_int_equal(cpu->metric_count, 2);
    check(&r, REASON_NONE, NULL);
    r = run_script((const char *const[]){HELLO, MISS, METRICS("3", "90"), METRICS("4", "99"),
                                         OUTPUT("5", "0", "ODAK"), NULL});
    assert_true(!r.benchmarks[0].flaky && r.benchmarks[0].trial_count == 4);
    check(&r, REASON_BELOW_THRESHOLD,
          "cpu scored 49.2, below 50; noise could turn that: 4 trials put it between 45 and 50.5");
}

static void no_trial_is_wasted_on_a_clear_verdict(UNUSED void **state) {
    set_trials(2, 100);
    struct server_result r = run_script((const char *const[]){
        HELLO, METRICS("1", "80"), METRICS("2", "90"), OUTPUT("3", "0", "ODAK"), NULL});
    check(&r, REASON_BELOW_THRESHOLD, "cpu scored 42.5, below 50");
    r = run_script((const char *const[]){HELLO, METRICS("1", "180"), METRICS("2", "100"),
                                         OUTPUT("3", "0", "ODAK"), NULL});
    assert_int_equal(r.benchmarks[0].trial_count, 2);
    check(&r, REASON_NONE, NULL);
    r = run_script((const char *const[]){HELLO, METRICS("1", "99"), METRICS("2", "99.5"),
                                         OUTPUT("3", "0", "ODAK"), NULL});
    assert_int_equal(r.benchmarks[0].trial_count, 2);
    check(&r, REASON_BELOW_THRESHOLD, "cpu scored 49.6, below 50");
}

static void more_trials_end_when_they_have_made_it_clear(UNUSED void **state) {
    /* from six on the interval is narrower than the range: of nine without the first and the last
     */
    set_trials(2, 100);
    struct server_result r = run_script((const char *const[]){
        HELLO, METRICS("1", "99"), METRICS("2", "120"), METRICS("3", "121"), METRICS("4", "122"),
        METRICS("5", "123"), METRICS("6", "124"), METRICS("7", "125"), METRICS("8", "126"),
        METRICS("9", "127"), OUTPUT("10", "0", "ODAK"), NULL});
    assert_true(r.benchmarks[0].trial_count == 9 && r.benchmarks[0].value == 123);
    assert_false(r.benchmarks[0].flaky);
    assert_null(r.benchmarks[0].detail);
    check(&r, REASON_NONE, NULL);
}

static void every_metric_keeps_its_trials(UNUSED void **state) {
    set_trials(3, 9);
    struct server_result r =
        run_script((const char *const[]){HELLO, METRICS("1", "300"), METRICS("2", "310"),
                                         METRICS("3", "280"), OUTPUT("4", "0", "ODAK"), NULL});
    const struct metric *m = r.benchmarks[0].metrics;
    assert_true(m[0].trial_count == 3 && m[0].value == 300 && m[0].spread == 15);
    assert_true(m[0].trials[0] == 300 && m[0].trials[1] == 310 && m[0].trials[2] == 280);
    assert_true(m[1].trial_count == 3 && m[1].value == 5 && m[1].spread == 0);
    assert_true(m[1].trials[2] == 5);
    m = r.benchmarks[1].metrics;
    assert_true(m[0].trial_count == 1 && m[0].trials[0] == 80 && isnan(m[0].spread));
    check(&r, REASON_NONE, NULL);
}

static void trials_are_numbered_on(UNUSED void **state) {
    static struct fake_transport f;
    const char *const script[] = {
        HELLO, MISS, METRICS("3", "110"), METRICS("4", "112"), OUTPUT("5", "0", "ODAK"), NULL};
    set_trials(2, 4);
    fake_transport_init(&f, script);
    struct server_result r = run(&f);
    const char *p = f.written;
    for (int i = 1; i <= 4; i++) {
        p = strstr(p, "\"trial\":");
        assert_non_null(p);
        assert_int_equal(atoi(p += 8), i);
    }
    assert_null(strstr(p, "\"trial\":"));
    check(&r, REASON_NONE, NULL);
}

static void want_of_time_does_not_take_a_verdict_back(UNUSED void **state) {
    set_trials(2, 4);
    struct server_result r = run_script((const char *const[]){
        HELLO, MISS,
        "{\"type\":\"error\",\"id\":3,\"reason\":\"timeout\",\"detail\":\"too slow\"}\n",
        OUTPUT("4", "0", "ODAK"), NULL});
    assert_int_equal(r.benchmarks[1].verdict, VERDICT_PASSED);
    assert_int_equal(r.benchmarks[0].trial_count, 2);
    check(&r, REASON_BELOW_THRESHOLD, "between 49 and 50.5; no more trials: cpu: too slow");
    plan.server_timeout = 300 * CLOCK_MS;
    r = run_script((const char *const[]){HELLO, MISS, FAKE_ALIVE, NULL});
    assert_int_equal(r.benchmarks[0].reason, REASON_BELOW_THRESHOLD);
    assert_int_equal(r.benchmarks[1].reason, REASON_TIMEOUT);
    check(&r, REASON_BELOW_THRESHOLD,
          "; no more trials: the server's time was over while cpu ran (--timeout)");
}

static void any_other_error_in_a_trial_does(UNUSED void **state) {
    set_trials(2, 4);
    struct server_result r = run_script((const char *const[]){
        HELLO, METRICS("1", "99"), METRICS("2", "180"),
        "{\"type\":\"error\",\"id\":3,\"reason\":\"wrong-result\",\"detail\":\"CPU 3\"}\n",
        OUTPUT("4", "0", "ODAK"), NULL});
    const struct benchmark_result *cpu = &r.benchmarks[0];
    assert_true(isnan(cpu->score) && isnan(cpu->value) && !cpu->flaky && !cpu->trial_count);
    check(&r, REASON_WRONG_RESULT, "cpu: CPU 3");
    /* a connection that is lost says nothing of the server */
    r = run_script((const char *const[]){HELLO, MISS, FAKE_LOST, NULL});
    assert_int_equal(r.benchmarks[0].reason, REASON_CONNECTION_LOST);
    check(&r, REASON_CONNECTION_LOST, "broke");
}

static void without_benchmarks_connecting_is_enough(UNUSED void **state) {
    plan.benchmark_count = 0;
    struct server_result r = run_script((const char *const[]){HELLO, NULL});
    check(&r, REASON_NONE, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(passes_a_good_server),
        TEST(fails_a_slow_server_with_its_numbers),
        TEST(the_median_of_the_trials_counts),
        TEST(a_benchmark_that_errs_does_not_keep_the_next_from_running),
        TEST(a_command_is_judged_by_status_and_output),
        TEST(a_lost_session_ends_the_server),
        TEST(a_silent_agent_is_lost),
        TEST(signs_of_life_are_no_answer),
        TEST(another_run_is_not_waited_for_until_the_end),
        TEST(an_agent_that_lingers_is_told_the_end),
        TEST(noise_before_the_agent_is_passed_over),
        TEST(endless_noise_is_not),
        TEST(a_shell_that_ends_is_quoted),
        TEST(a_server_that_cannot_be_opened_has_its_reason),
        TEST(sends_the_agent_when_it_is_missing),
        TEST(a_wrong_agent_is_refused),
        TEST(answers_to_other_questions_are_bad_output),
        TEST(a_close_verdict_asks_for_more_trials),
        TEST(no_trial_is_wasted_on_a_clear_verdict),
        TEST(more_trials_end_when_they_have_made_it_clear),
        TEST(every_metric_keeps_its_trials),
        TEST(trials_are_numbered_on),
        TEST(want_of_time_does_not_take_a_verdict_back),
        TEST(any_other_error_in_a_trial_does),
        TEST(without_benchmarks_connecting_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
