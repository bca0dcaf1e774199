/* overview: results in, a document out that a reader gets the same results from. */
#include "test.h"

#include "report/overview.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static char *text;
static size_t len;
static FILE *out;
static struct overview *overview;
static struct error err;

static void begin(const struct run *run, const char *notes) {
    out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(overview_begin(out, run, notes, &overview, &err), 0);
}

static json_t *end(void) {
    overview_end(&overview);
    assert_null(overview);
    fclose(out);
    json_error_t why;
    json_t *document = json_loads(text, 0, &why);
    if (!document)
        fail_msg("%s in %s", why.text, text);
    return document;
}

static int done(UNUSED void **state) {
    free(text);
    text = NULL;
    return 0;
}

/* A benchmark with two metrics, the second of which is judged. */
static struct metric metrics[] = {
    {.name = "copy", .unit = "GB/s", .value = 99.123456789},
    {.name = "latency", .unit = "ns", .value = 101, .lower_is_better = true},
};

static struct benchmark_result memory(double score) {
    return (struct benchmark_result){.benchmark = "memory",
                                     .verdict = VERDICT_PASSED,
                                     .score = score,
                                     .metric = "latency",
                                     .unit = "ns",
                                     .value = 101,
                                     .reference = 100,
                                     .reference_source = "baseline RUN",
                                     .threshold = 50,
                                     .metrics = metrics,
                                     .metric_count = 2};
}

static json_t *row(json_t *document, size_t n) {
    return json_array_get(json_object_get(document, "rows"), n);
}

/* What the number at `at` of a row stands for in a list. */
static json_t *told(json_t *document, json_t *of, size_t at, const char *list) {
    json_t *number = json_array_get(of, at);
    assert_true(json_is_integer(number));
    json_t *what =
        json_array_get(json_object_get(document, list), (size_t)json_integer_value(number));
    assert_non_null(what);
    return what;
}

static void what_is_alike_is_told_once(UNUSED void **state) {
    struct benchmark_result good = memory(99.0099), bad = memory(30);
    bad.verdict = VERDICT_FAILED;
    bad.reason = REASON_BELOW_THRESHOLD;
    struct server_result r = {.verdict = VERDICT_PASSED,
                              .attempts = 1,
                              .seconds = 2.5,
                              .kind = "EPYC",
                              .benchmarks = &good,
                              .benchmark_count = 1};
    begin(NULL, NULL);
    for (size_t i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "web%02zu", i);
        r.benchmarks = i == 7 ? &bad : &good;
        r.verdict = i == 7 ? VERDICT_FAILED : VERDICT_PASSED;
        assert_int_equal(overview_add(overview, i, name, &r, &err), 0);
    }
    json_t *document = end();
    assert_null(json_object_get(document, "run"));
    assert_int_equal(json_array_size(json_object_get(document, "rows")), 100);
    assert_int_equal(json_array_size(json_object_get(document, "kinds")), 1);
    assert_int_equal(json_array_size(json_object_get(document, "forms")), 1);
    assert_int_equal(json_array_size(json_object_get(document, "criteria")), 1);
    json_t *its = row(document, 7);
    assert_int_equal(json_integer_value(json_array_get(its, 0)), 7);
    assert_string_equal(json_string_value(json_array_get(its, 1)), "web07");
    assert_string_equal(json_string_value(told(document, its, 2, "verdicts")), "failed");
    assert_string_equal(json_string_value(told(document, its, 4, "kinds")), "EPYC");
    assert_int_equal(json_array_size(its), 10); /* nothing found, nothing different */
    json_t *benchmark = json_array_get(json_array_get(its, 9), 0);
    assert_string_equal(json_string_value(told(document, benchmark, 2, "reasons")),
                        "below-threshold");
    json_t *form = told(document, benchmark, 0, "forms");
    assert_string_equal(json_string_value(json_object_get(form, "benchmark")), "memory");
    assert_int_equal(json_integer_value(json_object_get(form, "judged")), 1);
    char *dumped = json_dumps(json_object_get(form, "metrics"), JSON_COMPACT);
    assert_string_equal(dumped, "[[\"copy\",\"GB/s\",\"higher\"],[\"latency\",\"ns\",\"lower\"]]");
    free(dumped);
    dumped = json_dumps(told(document, benchmark, 4, "criteria"), JSON_COMPACT);
    assert_string_equal(dumped, "[50,100,\"baseline RUN\"]");
    free(dumped);
    assert_float_equal(json_number_value(json_array_get(json_array_get(benchmark, 5), 0)), 99.1235,
                       1e-9);
    json_decref(document);
}

static void what_is_not_there_is_null(UNUSED void **state) {
    struct benchmark_result b = {.benchmark = "gpu",
                                 .verdict = VERDICT_ERROR,
                                 .reason = REASON_TIMEOUT,
                                 .score = NAN,
                                 .value = NAN,
                                 .reference = NAN,
                                 .threshold = INFINITY};
    struct server_result r = {.verdict = VERDICT_ERROR,
                              .reason = REASON_TIMEOUT,
                              .seconds = NAN,
                              .benchmarks = &b,
                              .benchmark_count = 1,
                              .findings = "no JSON",
                              .why = "{}"};
    begin(NULL, NULL);
    assert_int_equal(overview_add(overview, 3, "db1", &r, &err), 0);
    json_t *document = end();
    char *dumped = json_dumps(row(document, 0), JSON_COMPACT);
    assert_string_equal(dumped, "[3,\"db1\",2,8,null,0,0,null,null,[[0,2,8,null,0,[]]]]");
    free(dumped);
    dumped = json_dumps(json_object_get(document, "criteria"), JSON_COMPACT);
    assert_string_equal(dumped, "[[null,null,null]]");
    free(dumped);
    json_decref(document);
}

#define EVIL "</script><script>alert(1)</script><!--\xe2\x80\xa8\xff\""

/* The document stands in a page: nothing in it may end the block. */
static void no_text_ends_a_block_of_a_page(UNUSED void **state) {
    struct metric metric = {.name = EVIL, .unit = EVIL, .value = 1};
    struct benchmark_result b = memory(1);
    b.benchmark = b.metric = b.reference_source = EVIL;
    b.metrics = &metric;
    b.metric_count = 1;
    struct server_result r = {
        .detail = EVIL,
        .kind = EVIL,
        .benchmarks = &b,
        .benchmark_count = 1,
        .findings = "[{\"finding\":\"outlier\",\"detail\":\"</script>\"}]",
        .why = "[{\"detail\":\"<!--\"}]",
    };
    struct run run = {.id = "</script>", .stopped = "</script><script>"};
    begin(&run, "[\"</script>\"]");
    assert_int_equal(overview_add(overview, 0, EVIL, &r, &err), 0);
    json_t *document = end();
    assert_null(memchr(text, '<', len));
    assert_string_equal(json_string_value(json_array_get(json_object_get(document, "notes"), 0)),
                        "</script>");
    assert_string_equal(json_string_value(json_object_get(json_object_get(document, "run"), "run")),
                        "</script>");
    assert_string_equal(json_string_value(json_array_get(row(document, 0), 1)),
                        "</script><script>alert(1)</script><!--\xe2\x80\xa8\xef\xbf\xbd\"");
    assert_int_equal(json_array_size(row(document, 0)), 12);
    json_decref(document);
}

/* What is new with each server is kept once, and found quickly. */
static void every_server_may_be_of_a_kind_of_its_own(UNUSED void **state) {
    begin(NULL, NULL);
    char kind[16];
    struct server_result r = {.kind = kind};
    for (size_t i = 0; i < 20000; i++) {
        snprintf(kind, sizeof(kind), "kind %zu", i % 10000);
        assert_int_equal(overview_add(overview, i, "s", &r, &err), 0);
    }
    json_t *document = end();
    assert_int_equal(json_array_size(json_object_get(document, "kinds")), 10000);
    assert_string_equal(json_string_value(told(document, row(document, 10007), 4, "kinds")),
                        "kind 7");
    json_decref(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_alike_is_told_once, done),
        cmocka_unit_test_teardown(what_is_not_there_is_null, done),
        cmocka_unit_test_teardown(no_text_ends_a_block_of_a_page, done),
        cmocka_unit_test_teardown(every_server_may_be_of_a_kind_of_its_own, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
