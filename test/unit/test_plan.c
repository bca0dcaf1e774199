/* What policy/plan promises. */
#include "test.h"

#include "base/clock.h"
#include "policy/plan.h"

#include <math.h>
#include <string.h>

static struct config_benchmark listed[] = {
    {.name = (char *)"redis",
     .command = (char *)"redis-benchmark",
     .unit = (char *)"requests/s",
     .reference = 1000,
     .threshold = NAN,
     .trials = 3,
     .timeout = 10 * CLOCK_S},
    {.name = (char *)"cpu", .reference = NAN, .threshold = 60},
};

static struct config with(size_t benchmarks) {
    struct config c;
    config_init(&c);
    c.benchmarks = listed;
    c.benchmark_count = benchmarks;
    return c;
}

static struct plan make(const struct config *config, struct plan_options options) {
    struct plan plan;
    struct error err;
    if (plan_make(config, &options, &plan, &err) < 0)
        fail_msg("%s", err.text);
    return plan;
}

static void defaults(UNUSED void **state) {
    struct config c = with(0);
    struct plan p = make(&c, (struct plan_options){.threshold = NAN});
    assert_int_equal(p.fanout, 32);
    assert_true(p.threshold == 50);
    size_t builtin_count = 0;
    while (builtins[builtin_count].name)
        builtin_count++;
    assert_int_equal(p.benchmark_count, builtin_count);
    assert_string_equal(p.benchmarks[0].name, "cpu");
    for (size_t i = 0; i < builtin_count; i++)
        assert_string_equal(p.benchmarks[i].parameters, "{}");
    assert_true(p.benchmarks[0].threshold == 50);
    assert_int_equal(p.run_timeout, DEADLINE_NEVER);
    assert_int_equal(p.heartbeat, 15 * CLOCK_S);
    assert_int_equal(p.lease, 60 * CLOCK_S);
    /* a server always has a deadline */
    assert_true(p.server_timeout >= 3 * PLAN_TIMEOUT && p.server_timeout < DEADLINE_NEVER);
    plan_done(&p);
}

/* A server that is lost has the time to come back. */
static void agents_linger_within_the_server_s_time(UNUSED void **state) {
    struct config c = with(2);
    struct plan p = make(&c, (struct plan_options){.linger = -1});
    int64_t without = p.server_timeout;
    assert_int_equal(p.linger, 0);
    plan_done(&p);
    c.linger = 7200 * CLOCK_S;
    p = make(&c, (struct plan_options){.linger = -1});
    assert_int_equal(p.linger, 7200 * CLOCK_S);
    assert_int_equal(p.server_timeout, without + 7200 * CLOCK_S);
    plan_done(&p);
    p = make(&c, (struct plan_options){.linger = 0});
    assert_int_equal(p.linger, 0);
    plan_done(&p);
}

static void the_configuration_lists_what_is_run(UNUSED void **state) {
    struct config c = with(2);
    struct plan p = make(&c, (struct plan_options){.threshold = 70});
    assert_int_equal(p.benchmark_count, 2);
    assert_string_equal(p.benchmarks[0].name, "redis");
    assert_true(p.benchmarks[0].threshold == 70);
    assert_true(p.benchmarks[0].reference == 1000);
    assert_int_equal(p.benchmarks[0].trials, 3);
    assert_string_equal(p.benchmarks[1].name, "cpu");
    assert_true(p.benchmarks[1].threshold == 60);
    assert_true(isnan(p.benchmarks[1].reference));
    assert_ptr_equal(p.benchmarks[1].references, p.references);
    assert_non_null(references_find(p.references, "cpu", "all_cores", NULL));
    assert_null(p.benchmarks[0].references);
    plan_done(&p);
}

/* The server's time has room for all that there may be. */
static void more_trials_are_run_where_the_first_show_noise(UNUSED void **state) {
    static const struct {
        int trials, max_trials, least, most;
    } cases[] = {{0, 0, 1, 1}, {1, 0, 1, 1}, {3, 0, 3, 9}, {3, 3, 3, 3}, {2, 50, 2, 50}};
    struct config_benchmark b = listed[0];
    struct config c = with(1);
    c.benchmarks = &b;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        b.trials = cases[i].trials;
        b.max_trials = cases[i].max_trials;
        struct plan p = make(&c, (struct plan_options){.threshold = NAN});
        assert_int_equal(p.benchmarks[0].trials, cases[i].least);
        assert_int_equal(p.benchmarks[0].max_trials, cases[i].most);
        assert_int_equal(p.server_timeout, PLAN_SESSION_TIMEOUT + p.busy_wait + p.settle +
                                               cases[i].most * 10 * CLOCK_S);
        plan_done(&p);
    }
    b = listed[1];
    struct plan usual = make(&c, (struct plan_options){.threshold = NAN});
    assert_int_equal(usual.benchmarks[0].max_trials, 3 * usual.benchmarks[0].trials);
    plan_done(&usual);
    b.max_trials = 20;
    struct plan quick = make(&c, (struct plan_options){.threshold = NAN, .quick = true});
    assert_int_equal(quick.benchmarks[0].max_trials, 1);
    plan_done(&quick);
}

static void a_quick_run_is_shorter(UNUSED void **state) {
    struct config c = with(0);
    struct plan usual = make(&c, (struct plan_options){.threshold = NAN});
    struct plan quick = make(&c, (struct plan_options){.threshold = NAN, .quick = true});
    assert_int_equal(quick.benchmark_count, usual.benchmark_count);
    for (size_t i = 0; i < quick.benchmark_count; i++) {
        assert_int_equal(quick.benchmarks[i].trials, 1);
        assert_non_null(strstr(quick.benchmarks[i].parameters, "\"duration\":"));
        assert_string_equal(usual.benchmarks[i].parameters, "{}");
    }
    plan_done(&usual);
    plan_done(&quick);
}

static void kinds_have_limits_of_their_own(UNUSED void **state) {
    struct config_limit exact = {(char *)"cpu", 90, NAN}, any = {(char *)"cpu", 10, 300};
    struct config_kind kinds[] = {{(char *)"EPYC 9654*", &exact, 1}, {(char *)"EPYC*", &any, 1}};
    struct config c = with(0);
    c.kinds = kinds;
    c.kind_count = 2;
    struct plan p = make(&c, (struct plan_options){.threshold = NAN});
    assert_string_equal(p.benchmarks[0].name, "cpu");
    struct benchmark_plan b = plan_for_kind(&p, 0, "EPYC 9654 x2 192c 768G");
    assert_true(b.threshold == 90 && b.reference == 300);
    b = plan_for_kind(&p, 0, "EPYC 7763 128c 512G");
    assert_true(b.threshold == 10 && b.reference == 300);
    b = plan_for_kind(&p, 0, "Xeon Gold 6338 32c 256G");
    assert_true(b.threshold == p.benchmarks[0].threshold && isnan(b.reference));
    b = plan_for_kind(&p, 0, NULL);
    assert_true(b.threshold == p.benchmarks[0].threshold && isnan(b.reference));
    plan_done(&p);
}

static void the_command_line_wins(UNUSED void **state) {
    struct config c = with(2);
    c.fanout = 5;
    c.timeout = 7 * CLOCK_S;
    struct plan p = make(
        &c, (struct plan_options){
                .benchmarks = "cpu,cpu", .fanout = 9, .threshold = NAN, .server_timeout = CLOCK_S});
    assert_int_equal(p.fanout, 9);
    assert_int_equal(p.benchmark_count, 1);
    assert_int_equal(p.server_timeout, CLOCK_S);
    plan_done(&p);
    p = make(&c, (struct plan_options){.benchmarks = "none", .threshold = NAN});
    assert_int_equal(p.benchmark_count, 0);
    assert_int_equal(p.fanout, 5);
    assert_int_equal(p.server_timeout, 7 * CLOCK_S);
    plan_done(&p);
}

static void servers_are_tried_three_times(UNUSED void **state) {
    struct config c = with(0);
    config_init(&c);
    struct plan p = make(&c, (struct plan_options){.threshold = NAN, .retries = -1});
    assert_int_equal(p.retries, 2);
    assert_true(p.longest_pause == 30 * CLOCK_S);
    assert_int_equal(p.max_errors.kind, SHARE_NONE);
    plan_done(&p);
    c.retries = 0;
    c.max_errors = (struct share){SHARE_PERCENT, 30};
    p = make(&c, (struct plan_options){.threshold = NAN, .retries = -1});
    assert_int_equal(p.retries, 0);
    assert_true(p.max_errors.kind == SHARE_PERCENT && p.max_errors.number == 30);
    plan_done(&p);
    p = make(&c, (struct plan_options){.threshold = NAN,
                                       .retries = 5,
                                       .longest_pause = 7,
                                       .max_errors = {SHARE_COUNT, 0}});
    assert_int_equal(p.retries, 5);
    assert_true(p.longest_pause == 7);
    assert_true(p.max_errors.kind == SHARE_COUNT && p.max_errors.number == 0);
    plan_done(&p);
}

static void the_longest_come_first_when_either_says_so(UNUSED void **state) {
    struct config c = with(0);
    config_init(&c);
    for (int i = 0; i < 4; i++) {
        c.longest_first = i & 1;
        struct plan p = make(&c, (struct plan_options){.threshold = NAN, .longest_first = i & 2});
        assert_int_equal(p.longest_first, i > 0);
        plan_done(&p);
    }
}

static void simulated_servers_have_a_cpu_and_a_gpu(UNUSED void **state) {
    struct config c = with(0);
    struct plan p = make(&c, (struct plan_options){.threshold = NAN, .simulated = true});
    assert_int_equal(p.benchmark_count, 2);
    assert_string_equal(p.benchmarks[1].name, "gpu");
    assert_true(isnan(p.benchmarks[1].reference));
    plan_done(&p);
    p = make(&c, (struct plan_options){.threshold = NAN, .simulated = true, .benchmarks = "disk"});
    assert_int_equal(p.benchmark_count, 1);
    assert_int_equal(p.benchmarks[0].trials, 1);
    plan_done(&p);
}

static void an_unknown_benchmark_is_a_mistake(UNUSED void **state) {
    struct config c = with(2);
    struct plan p;
    struct error err;
    struct plan_options o = {.threshold = NAN, .benchmarks = "cpu,redos"};
    assert_int_equal(plan_make(&c, &o, &p, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "redos"));
    assert_non_null(strstr(err.text, "'redis'"));
    o.benchmarks = "cpu,";
    assert_int_equal(plan_make(&c, &o, &p, &err), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(agents_linger_within_the_server_s_time),
        cmocka_unit_test(the_configuration_lists_what_is_run),
        cmocka_unit_test(more_trials_are_run_where_the_first_show_noise),
        cmocka_unit_test(a_quick_run_is_shorter),
        cmocka_unit_test(kinds_have_limits_of_their_own),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(servers_are_tried_three_times),
        cmocka_unit_test(the_longest_come_first_when_either_says_so),
        cmocka_unit_test(simulated_servers_have_a_cpu_and_a_gpu),
        cmocka_unit_test(an_unknown_benchmark_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
