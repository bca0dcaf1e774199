/* What policy/judge and model/stats promise. */
#include "test.h"

#include "policy/judge.h"

#include <math.h>
#include <string.h>

static struct benchmark_result measured(double *trials, size_t n) {
    double *copy = malloc(n * sizeof(*copy));
    memcpy(copy, trials, n * sizeof(*copy));
    return (struct benchmark_result){
        .benchmark = strdup("cpu"), .trials = copy, .trial_count = n, .score = NAN};
}

static struct benchmark_result judge(const struct benchmark_plan *plan, int cores, double *trials,
                                     size_t n) {
    struct benchmark_result r = measured(trials, n);
    struct error err;
    r.lower_is_better = plan->lower_is_better;
    assert_int_equal(judge_benchmark(plan, &(struct judged_on){.units = cores}, &r, &err), 0);
    return r;
}

static void the_median_is_scored_against_the_reference(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = 200, .threshold = 50};
    double trials[] = {110, 150, 120};
    struct benchmark_result r = judge(&plan, 0, trials, 3);
    assert_true(r.value == 120 && r.score == 60 && r.spread == 20);
    assert_int_equal(r.verdict, VERDICT_PASSED);
    assert_int_equal(r.reason, REASON_NONE);
    assert_null(r.detail);
    benchmark_result_done(&r);
}

static void lower_is_better_turns_the_score_round(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = 10, .threshold = 50, .lower_is_better = true};
    double fast[] = {5}, slow[] = {40};
    struct benchmark_result r = judge(&plan, 0, fast, 1);
    assert_true(r.score == 200);
    benchmark_result_done(&r);
    r = judge(&plan, 0, slow, 1);
    assert_true(r.score == 25);
    assert_int_equal(r.verdict, VERDICT_FAILED);
    assert_string_equal(r.detail, "cpu scored 25, below 50");
    benchmark_result_done(&r);
}

static void without_a_reference_the_value_is_the_score(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = NAN, .threshold = 50};
    double trials[] = {34};
    struct benchmark_result r = judge(&plan, 0, trials, 1);
    assert_true(r.score == 34 && isnan(r.reference) && isnan(r.spread));
    assert_int_equal(r.reason, REASON_BELOW_THRESHOLD);
    assert_string_equal(r.detail, "cpu scored 34, below 50");
    benchmark_result_done(&r);
}

static void a_known_reference_is_used_where_none_is_set(UNUSED void **state) {
    struct reference known[] = {
        {.benchmark = "cpu", .metric = "all", .per_unit = true, .value = 100},
        {.benchmark = "disk", .metric = "all", .class = "ssd", .value = 7},
    };
    struct references references = {.items = known, .count = 2};
    static const struct {
        const char *benchmark, *metric, *class;
        double set;
        int units;
        double reference;
    } cases[] = {
        {"cpu", "all", NULL, NAN, 8, 800},   {"cpu", "all", "x", NAN, 1, 100},
        {"cpu", "all", NULL, 50, 8, 50},     {"cpu", "all", NULL, NAN, 0, NAN},
        {"cpu", "one", NULL, NAN, 8, NAN},   {"disk", "all", "ssd", NAN, 0, 7},
        {"disk", "all", "hdd", NAN, 0, NAN}, {"disk", "all", NULL, NAN, 0, NAN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct benchmark_plan plan = {.reference = cases[i].set, .references = &references};
        double trial = 400;
        struct benchmark_result r = measured(&trial, 1);
        struct error err;
        free(r.benchmark);
        r.benchmark = strdup(cases[i].benchmark);
        r.metric = strdup(cases[i].metric);
        assert_int_equal(
            judge_benchmark(&plan,
                            &(struct judged_on){.units = cases[i].units, .class = cases[i].class},
                            &r, &err),
            0);
        if (isnan(cases[i].reference))
            assert_true(isnan(r.reference) && r.score == 400);
        else
            assert_true(r.reference == cases[i].reference &&
                        r.score == 100 * 400 / cases[i].reference);
        benchmark_result_done(&r);
    }
}

static void references_have_their_order(UNUSED void **state) {
    struct reference known = {.benchmark = (char *)"cpu", .metric = (char *)"all", .value = 100};
    struct references references = {.items = &known, .count = 1};
    struct baseline items[] = {
        {.kind = (char *)"a",
         .benchmark = (char *)"cpu",
         .metric = (char *)"all",
         .unit = (char *)"op/s",
         .median = 200,
         .run = (char *)"r1"},
        {.kind = (char *)"b",
         .benchmark = (char *)"cpu",
         .metric = (char *)"all",
         .unit = (char *)"kop/s",
         .median = 0.2},
        {.kind = (char *)"c",
         .benchmark = (char *)"cpu",
         .metric = (char *)"all",
         .unit = (char *)"op/s",
         .median = 0},
        {.kind = (char *)"d",
         .benchmark = (char *)"cpu",
         .metric = (char *)"all",
         .unit = (char *)"op/s",
         .median = 5,
         .lower_is_better = true},
        {.kind = (char *)"e",
         .benchmark = (char *)"cpu",
         .metric = (char *)"all",
         .unit = (char *)"op/s",
         .median = 50},
    };
    struct baselines baselines = {items, ARRAY_LEN(items), 0};
    static const struct {
        const char *kind;
        double set, threshold;
        bool builtin;
        double reference;
        const char *source;
    } cases[] = {
        {"a", 10, 50, true, 10, "configuration"},
        {"a", NAN, 50, true, 200, "baseline r1"},
        {"a", NAN, 100, false, 200, "baseline r1"},
        {"e", NAN, 50, true, 50, "baseline"},
        {"x", NAN, 50, true, 100, "built-in"},
        {NULL, NAN, 50, true, 100, "built-in"},
        {"x", NAN, 50, false, NAN, NULL},
        {"b", NAN, 50, true, 100, "built-in; the baseline is in 'kop/s', not 'op/s'"},
        {"b", NAN, 50, false, NAN, "none; the baseline is in 'kop/s', not 'op/s'"},
        {"c", NAN, 50, false, NAN, "none; the baseline is 0"},
        {"d", NAN, 50, false, NAN, "none; in the baseline lower is better"},
        {"a", NAN, 101, false, NAN, "none; a threshold above 100 is not one of a baseline"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct benchmark_plan plan = {.reference = cases[i].set,
                                      .threshold = cases[i].threshold,
                                      .references = cases[i].builtin ? &references : NULL};
        const struct judged_on on = {.kind = cases[i].kind, .baselines = &baselines};
        double trial = 400;
        struct benchmark_result r = measured(&trial, 1);
        struct error err;
        r.metric = strdup("all");
        r.unit = strdup("op/s");
        for (int again = 0; again < 2; again++)
            assert_int_equal(judge_benchmark(&plan, &on, &r, &err), 0);
        assert_true(r.reference == cases[i].reference ||
                    (isnan(r.reference) && isnan(cases[i].reference)));
        if (cases[i].source)
            assert_string_equal(r.reference_source, cases[i].source);
        else
            assert_null(r.reference_source);
        benchmark_result_done(&r);
    }
}

static void disks_have_baselines_of_their_own(UNUSED void **state) {
    struct baseline items[] = {
        {.kind = (char *)"a, HDD",
         .benchmark = (char *)"disk",
         .metric = (char *)"read",
         .unit = (char *)"",
         .median = 200},
        {.kind = (char *)"a, SSD",
         .benchmark = (char *)"disk",
         .metric = (char *)"read",
         .unit = (char *)"",
         .median = 4000},
    };
    struct baselines baselines = {items, ARRAY_LEN(items), 0};
    struct benchmark_plan plan = {.reference = NAN, .threshold = 50};
    double references[] = {200, 4000, NAN};
    const char *disks[] = {"HDD", "SSD", NULL};
    for (size_t i = 0; i < ARRAY_LEN(disks); i++) {
        const struct judged_on on = {.kind = "a", .disk = disks[i], .baselines = &baselines};
        double trial = 100;
        struct benchmark_result r = measured(&trial, 1);
        struct error err;
        free(r.benchmark);
        r.benchmark = strdup("disk");
        r.metric = strdup("read");
        assert_int_equal(judge_benchmark(&plan, &on, &r, &err), 0);
        assert_true(r.reference == references[i] || (isnan(r.reference) && !disks[i]));
        benchmark_result_done(&r);
    }
}

static void a_score_at_the_threshold_passes(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = NAN, .threshold = 50};
    double at[] = {50}, just_below[] = {49.999};
    struct benchmark_result r = judge(&plan, 0, at, 1);
    assert_int_equal(r.verdict, VERDICT_PASSED);
    benchmark_result_done(&r);
    r = judge(&plan, 0, just_below, 1);
    assert_int_equal(r.verdict, VERDICT_FAILED);
    assert_string_equal(r.detail, "cpu scored 49.999, below 50");
    benchmark_result_done(&r);
}

static void conditions_stand_in_the_sentence(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = 100, .threshold = 50};
    double trial = 41;
    struct benchmark_result r = measured(&trial, 1);
    struct error err;
    r.conditions = strdup("throttled: 89 C, 1.2 of 3.4 GHz");
    assert_int_equal(judge_benchmark(&plan, &(struct judged_on){0}, &r, &err), 0);
    assert_string_equal(r.detail, "cpu scored 41, below 50 (throttled: 89 C, 1.2 of 3.4 GHz)");
    benchmark_result_done(&r);
}

static void what_is_skipped_does_not_count(UNUSED void **state) {
    struct benchmark_result gpu = {.benchmark = strdup("gpu")};
    judge_skipped("gpu: no GPU", &gpu);
    assert_int_equal(gpu.verdict, VERDICT_SKIPPED);
    assert_int_equal(gpu.reason, REASON_UNSUPPORTED);
    struct server_result r = {.benchmarks = &gpu, .benchmark_count = 1};
    judge_server(NULL, &r);
    assert_int_equal(r.verdict, VERDICT_PASSED);
    benchmark_result_done(&gpu);
}

static void what_cannot_be_scored_is_bad_output(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = 10, .threshold = 50, .lower_is_better = true};
    double zero[] = {0};
    struct benchmark_result r = judge(&plan, 0, zero, 1);
    assert_int_equal(r.verdict, VERDICT_ERROR);
    assert_int_equal(r.reason, REASON_BAD_OUTPUT);
    assert_true(isnan(r.score));
    benchmark_result_done(&r);
}

static void all_that_did_not_pass_is_named(UNUSED void **state) {
    struct benchmark_result b[] = {
        {.benchmark = (char *)"cpu", .verdict = VERDICT_PASSED},
        {.benchmark = (char *)"gpu", .verdict = VERDICT_SKIPPED, .reason = REASON_UNSUPPORTED},
        {.benchmark = (char *)"memory", .reason = REASON_BELOW_THRESHOLD, .detail = (char *)"weak"},
        {.benchmark = (char *)"disk", .reason = REASON_BELOW_THRESHOLD, .detail = (char *)"slow"},
        {.benchmark = (char *)"own", .reason = REASON_BAD_OUTPUT, .detail = (char *)"no number"},
    };
    struct server_result r = {.benchmarks = b, .benchmark_count = ARRAY_LEN(b)};
    judge_server(NULL, &r);
    assert_string_equal(r.detail, "weak; also not passed: disk, own (bad-output)");

    /* what ended the server is the last benchmark's reason, too */
    struct error lost;
    error_set(&lost, ERROR_CONNECTION_LOST, "gone");
    b[2].reason = b[4].reason = REASON_CONNECTION_LOST;
    b[3].reason = REASON_NONE;
    judge_server(&lost, &r);
    assert_string_equal(r.detail, "gone");
    free(r.detail);
}

static void the_first_reason_of_the_list_decides(UNUSED void **state) {
    struct benchmark_result b[] = {
        {.verdict = VERDICT_ERROR, .reason = REASON_TIMEOUT, .detail = (char *)"slow"},
        {.verdict = VERDICT_PASSED},
        {.verdict = VERDICT_FAILED, .reason = REASON_BELOW_THRESHOLD, .detail = (char *)"weak"},
    };
    b[0].benchmark = (char *)"disk", b[1].benchmark = (char *)"cpu", b[2].benchmark = (char *)"gpu";
    struct server_result r = {.benchmarks = b, .benchmark_count = 3};
    judge_server(NULL, &r);
    assert_int_equal(r.verdict, VERDICT_FAILED);
    assert_int_equal(r.reason, REASON_BELOW_THRESHOLD);
    assert_string_equal(r.detail, "weak; also not passed: disk (timeout)");

    struct error lost;
    error_set(&lost, ERROR_CONNECTION_LOST, "gone");
    r.benchmark_count = 2;
    judge_server(&lost, &r);
    assert_int_equal(r.reason, REASON_TIMEOUT);
    r.benchmark_count = 0;
    judge_server(&lost, &r);
    assert_int_equal(r.verdict, VERDICT_ERROR);
    assert_string_equal(r.detail, "gone");
    judge_server(NULL, &r);
    assert_int_equal(r.verdict, VERDICT_PASSED);
    assert_int_equal(r.reason, REASON_NONE);
    assert_null(r.detail);

    /* one that was interrupted is run again, whatever its first benchmarks came to */
    error_set(&lost, ERROR_INTERRUPTED, "interrupted");
    r.benchmark_count = 3;
    judge_server(&lost, &r);
    assert_int_equal(r.verdict, VERDICT_CANCELLED);
    assert_int_equal(r.reason, REASON_INTERRUPTED);
    assert_string_equal(r.detail, "interrupted");
    free(r.detail);
}

static void every_error_has_a_reason_and_every_reason_a_word(UNUSED void **state) {
    for (enum error_kind k = ERROR_NONE + 1; k <= ERROR_INTERRUPTED; k++)
        assert_non_null(reason_name(reason_of(k)));
    for (enum reason r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        enum reason back;
        assert_int_equal(reason_parse(reason_name(r), &back), 0);
        assert_int_equal(back, r);
    }
    enum reason none;
    assert_int_equal(reason_parse("no-such", &none), -1);
    assert_int_equal(reason_of(ERROR_UNREACHABLE), REASON_UNREACHABLE);
    assert_int_equal(reason_of(ERROR_USAGE), REASON_INTERNAL);
    assert_int_equal(reason_error(REASON_BUSY), ERROR_BUSY);
}

static bool close_call(double reference, bool lower, double threshold, double a, double b,
                       double c) {
    struct benchmark_plan plan = {
        .reference = reference, .threshold = threshold, .lower_is_better = lower};
    double trials[] = {a, b, c};
    struct benchmark_result r = judge(&plan, 0, trials, 3);
    bool is_close = judge_is_close(&r);
    bool said = r.detail && strstr(r.detail, "noise could turn that");
    assert_int_equal(said, is_close);
    assert_int_equal(r.flaky, is_close && r.verdict == VERDICT_PASSED);
    benchmark_result_done(&r);
    return is_close;
}

static void a_verdict_is_close_within_the_range_of_few_trials(UNUSED void **state) {
    /* the median is 48 */
    assert_true(close_call(NAN, false, 50, 46, 48, 50));
    assert_true(close_call(NAN, false, 49, 46, 48, 50));
    assert_false(close_call(NAN, false, 50.01, 46, 48, 50));
    assert_true(close_call(NAN, false, 48, 46, 48, 50)); /* passed, and may well have failed */
    assert_true(close_call(NAN, false, 46.01, 46, 48, 50));
    assert_false(close_call(NAN, false, 46, 46, 48, 50));
    assert_false(close_call(NAN, false, 50, 48, 48, 48)); /* no spread */
    assert_true(close_call(1000, false, 50, 460, 480, 500));
    assert_false(close_call(1000, false, 50.01, 460, 480, 500));
    /* lower is better: 10 is as good as it has to be */
    assert_true(close_call(5, true, 50, 10, 11, 12));
    assert_true(close_call(5, true, 50, 9, 9.5, 10.5));
    assert_false(close_call(5, true, 50, 11, 13, 15));
    assert_false(close_call(5, true, 50, 10.5, 11, 90));
    assert_true(close_call(5, true, 50, -1, 11, 12)); /* less than nothing */
    assert_false(close_call(5, true, 50, -11, -1, 12));
    /* without a reference the value is the score, whichever way is better */
    assert_true(close_call(NAN, true, 50, 46, 48, 50));
}

static void one_trial_tells_nothing_of_its_noise(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = NAN, .threshold = 50};
    double trial = 49.9;
    struct benchmark_result r = judge(&plan, 0, &trial, 1);
    assert_false(judge_is_close(&r));
    assert_true(isnan(r.spread));
    assert_string_equal(r.detail, "cpu scored 49.9, below 50");
    benchmark_result_done(&r);
}

/* Of nine trials the second and the eighth in order hold the median with 96 % confidence. */
static void with_more_trials_those_that_stray_do_not_count(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = NAN, .threshold = 50};
    double trials[] = {58, 53, 54, 55, 56, 20, 57, 51, 90};
    struct benchmark_result r = judge(&plan, 0, trials, 9);
    assert_true(r.value == 55 && r.spread == 3.5 && !r.flaky);
    assert_false(judge_is_close(&r));
    assert_null(r.detail);
    benchmark_result_done(&r);
    plan.threshold = 52;
    r = judge(&plan, 0, trials, 9);
    assert_true(judge_is_close(&r) && r.flaky);
    assert_string_equal(r.detail, "cpu scored 55, not below 52; noise could turn that: 9 trials "
                                  "put it between 51 and 58");
    benchmark_result_done(&r);
}

static void a_pass_after_a_miss_is_flaky(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = NAN, .threshold = 50, .trials = 3};
    double trials[] = {46, 48, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64};
    struct benchmark_result r = judge(&plan, 0, trials, 12);
    assert_true(r.verdict == VERDICT_PASSED && r.flaky);
    assert_false(judge_is_close(&r));
    assert_string_equal(r.detail, "cpu scored 58.5, not below 50; its first 3 trials were");
    benchmark_result_done(&r);
}

static void more_trials_are_judged_anew(UNUSED void **state) {
    struct benchmark_plan plan = {.reference = NAN, .threshold = 50};
    double first[] = {48, 50.004}, second[] = {54, 55, 56};
    struct error err;
    struct benchmark_result r = judge(&plan, 0, first, 2);
    assert_int_equal(r.reason, REASON_BELOW_THRESHOLD);
    assert_string_equal(r.detail, "cpu scored 49, below 50; noise could turn that: 2 trials put "
                                  "it between 48 and 50.004");
    judge_stands("a mouse", &r);
    assert_string_equal(r.detail, "cpu scored 49, below 50; noise could turn that: 2 trials put "
                                  "it between 48 and 50.004; no more trials: a mouse");
    free(r.trials);
    r.trials = malloc(sizeof(second));
    memcpy(r.trials, second, sizeof(second));
    r.trial_count = 3;
    assert_int_equal(judge_benchmark(&plan, &(struct judged_on){0}, &r, &err), 0);
    assert_true(r.verdict == VERDICT_PASSED && r.reason == REASON_NONE && r.score == 55);
    assert_true(r.spread == 1 && !r.flaky);
    assert_null(r.detail);
    benchmark_result_done(&r);
}

static void a_server_is_flaky_when_it_passed_so(UNUSED void **state) {
    struct benchmark_result items[] = {{.verdict = VERDICT_PASSED, .flaky = true},
                                       {.verdict = VERDICT_PASSED}};
    struct server_result r = {.benchmarks = items, .benchmark_count = 2};
    assert_true(server_result_flaky(&r));
    r.verdict = VERDICT_FAILED;
    assert_false(server_result_flaky(&r));
    r.verdict = VERDICT_PASSED;
    items[0].flaky = false;
    assert_false(server_result_flaky(&r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_scored_against_the_reference),
        cmocka_unit_test(lower_is_better_turns_the_score_round),
        cmocka_unit_test(without_a_reference_the_value_is_the_score),
        cmocka_unit_test(a_known_reference_is_used_where_none_is_set),
        cmocka_unit_test(references_have_their_order),
        cmocka_unit_test(disks_have_baselines_of_their_own),
        cmocka_unit_test(a_score_at_the_threshold_passes),
        cmocka_unit_test(conditions_stand_in_the_sentence),
        cmocka_unit_test(what_is_skipped_does_not_count),
        cmocka_unit_test(what_cannot_be_scored_is_bad_output),
        cmocka_unit_test(all_that_did_not_pass_is_named),
        cmocka_unit_test(the_first_reason_of_the_list_decides),
        cmocka_unit_test(every_error_has_a_reason_and_every_reason_a_word),
        cmocka_unit_test(a_verdict_is_close_within_the_range_of_few_trials),
        cmocka_unit_test(one_trial_tells_nothing_of_its_noise),
        cmocka_unit_test(with_more_trials_those_that_stray_do_not_count),
        cmocka_unit_test(a_pass_after_a_miss_is_flaky),
        cmocka_unit_test(more_trials_are_judged_anew),
        cmocka_unit_test(a_server_is_flaky_when_it_passed_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
