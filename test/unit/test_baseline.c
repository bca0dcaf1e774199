/* Baselines: kept in order and found again, learned, written and read. */
#include "test.h"

#include "input/baselinefile.h"
#include "model/baseline.h"
#include "policy/baseline.h"
#include "report/baselinelist.h"

#include <math.h>
#include <string.h>

static struct baseline some(const char *kind, const char *benchmark, const char *metric,
                            double median) {
    return (struct baseline){.kind = (char *)kind,
                             .benchmark = (char *)benchmark,
                             .metric = (char *)metric,
                             .unit = (char *)"GB/s",
                             .median = median,
                             .scale = median / 100,
                             .count = 31,
                             .run = (char *)"20261122-111344-7f3a2c",
                             .taken = INT64_C(1795346024123) * 1000000};
}

static void put(struct baselines *list, struct baseline b) {
    struct error err;
    if (baselines_put(list, &b, &err) < 0)
        fail_msg("%s", err.text);
}

static void each_stands_once_in_its_order(UNUSED void **state) {
    cleanup(baselines_done) struct baselines list = {0};
    assert_null(baselines_find(&list, "a", NULL, "cpu", "all"));
    put(&list, some("b", "cpu", "all", 1));
    put(&list, some("a", "memory", "triad", 2));
    put(&list, some("a", "memory", "copy", 3));
    put(&list, some("a", "cpu", "one", 4));
    put(&list, some("a", "memory", "triad", 5));
    assert_int_equal(list.count, 4);
    double medians[] = {4, 3, 5, 1};
    for (size_t i = 0; i < list.count; i++)
        assert_true(list.items[i].median == medians[i]);
    assert_ptr_equal(baselines_find(&list, "a", NULL, "memory", "triad"), &list.items[2]);
    assert_ptr_equal(baselines_find(&list, "b", NULL, "cpu", "all"), &list.items[3]);
    assert_null(baselines_find(&list, "b", NULL, "cpu", "one"));
    assert_null(baselines_find(&list, "c", NULL, "cpu", "all"));
    assert_null(baselines_find(&list, "", NULL, "", ""));
}

static void kinds_may_be_told_apart_by_disk(UNUSED void **state) {
    cleanup(baselines_done) struct baselines list = {0};
    cleanup(free_ptr) char *kind = baseline_kind("a", "PM9A3"), *plain = baseline_kind("a", NULL);
    assert_string_equal(kind, "a, PM9A3");
    assert_string_equal(plain, "a");
    put(&list, some("a", "disk", "read", 1));
    put(&list, some(kind, "disk", "read", 2));
    put(&list, some("a, Q", "disk", "read", 3));
    put(&list, some("ab", "disk", "read", 4));
    assert_true(baselines_find(&list, "a", NULL, "disk", "read")->median == 1);
    assert_true(baselines_find(&list, "a", "PM9A3", "disk", "read")->median == 2);
    assert_true(baselines_find(&list, "a", "Q", "disk", "read")->median == 3);
    assert_true(baselines_find(&list, "ab", NULL, "disk", "read")->median == 4);
    assert_null(baselines_find(&list, "a", "PM9A", "disk", "read"));
    assert_null(baselines_find(&list, "", "PM9A3", "disk", "read"));
}

/* ---- the file ---- */

static void read_back(const struct baselines *list) {
    cleanup(str_done) struct str text = {0}, mistakes = {0};
    cleanup(baselines_done) struct baselines back = {0};
    struct error err;
    baselinefile_write(list, &text);
    assert_false(text.failed);
    if (baselinefile_read("x", text.data, text.len, &back, &mistakes, &err) < 0)
        fail_msg("%s%s", mistakes.data ? mistakes.data : err.text, text.data);
    assert_int_equal(back.count, list->count);
    for (size_t i = 0; i < back.count; i++) {
        const struct baseline *a = &list->items[i], *b = &back.items[i];
        assert_string_equal(a->kind, b->kind);
        assert_string_equal(a->benchmark, b->benchmark);
        assert_string_equal(a->metric, b->metric);
        assert_true(baseline_same(a, b));
        assert_int_equal(a->taken, b->taken);
        assert_int_equal(a->run == NULL, b->run == NULL);
        if (a->run)
            assert_string_equal(a->run, b->run);
    }
}

static void what_is_written_reads_back_the_same(UNUSED void **state) {
    cleanup(baselines_done) struct baselines list = {0};
    read_back(&list);
    const char *names[] = {"",
                           "",
                           "EPYC 9654 x2 192c 768G",
                           "true",
                           "1e3",
                           "- a",
                           "a: b",
                           "a #b",
                           "~",
                           "\"quoted\" \\ \xc3\xa9 \xf0\x9f\x98\x80",
                           "[x]",
                           "{}",
                           "*a",
                           "&a",
                           "!a",
                           "%a",
                           "@a",
                           "`",
                           "a ",
                           " a",
                           "<<",
                           "a:",
                           "NO"};
    char plain[1200] = "", quoted[sizeof(plain)] = "";
    memset(plain, 'a', sizeof(plain) - 1);
    memset(quoted, '"', sizeof(quoted) - 1);
    names[0] = plain;
    names[1] = quoted;
    double numbers[] = {0.1, 1.0 / 3, -5, 0, 1e300, 5e-324, 412500.25, 1234567890123456.5};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (size_t j = 0; j < ARRAY_LEN(numbers); j++) {
            struct baseline b = some(names[i], names[(i + 1) % 7], names[j], numbers[j]);
            b.scale = numbers[j] > 0 ? numbers[j] : 0;
            b.unit = (char *)(j % 2 ? names[i] : "");
            b.lower_is_better = j % 3;
            b.run = j % 4 ? b.run : NULL;
            b.taken = j % 5 ? b.taken : 0;
            put(&list, b);
        }
    read_back(&list);
}

#define FINE "{median: 1, scale: 0, count: 5}"

static void mistakes_are_told_with_their_place(UNUSED void **state) {
    static const struct {
        const char *text, *said;
    } wrong[] = {
        {"", "f:1:1: a file of baselines begins with `version: 1`\n"},
        {"kinds: {}\n", "f:1:1: a file of baselines begins with `version: 1`\n"},
        {"version: 0\nkinds: {a: 7}\n", "f:1:10: version: expected 1, "},
        {"version: 2\n", "f:1:10: version: expected 1, "},
        {"version: 1\n", "f:1:1: there are no kinds in it\n"},
        {"version: 1\nkind: {}\n", "f:2:1: unknown key 'kind': did you mean 'kinds'?\n"},
        {"version: 1\nkinds: []\n", "f:2:8: kinds: expected a mapping, found a list\n"},
        {"version: 1\nkinds:\n  a: 5\n", "f:3:6: a: expected a mapping, found the number 5\n"},
        {"version: 1\nkinds: {a: {b: {c: {medium: 1, scale: 0, count: 5}}}}\n",
         "f:2:21: unknown key 'medium': did you mean 'median'?\n"},
        {"version: 1\nkinds: {a: {b: {c: {median: 1, count: 5}}}}\n",
         "f:2:17: c: a baseline needs a median, a scale and a count, and has no scale\n"},
        {"version: 1\nkinds: {a: {b: {c: }}}\n",
         "f:2:17: c: a baseline needs a median, a scale and a count, and has no median\n"},
        {"version: 1\nkinds: {a: {b: {c: {median: fast, scale: -1, count: 0}}}}\n",
         "f:2:29: median: expected a number, found the text 'fast'\n"
         "f:2:42: scale: expected a number from 0 to 1e+300, found the number -1\n"
         "f:2:53: count: expected a whole number from 1 to "},
        {"version: 1\nkinds: {a: {b: {c: {median: .nan, scale: .inf, count: 2.5}}}}\n",
         "f:2:29: median: expected a number, found "},
        {"version: 1\nkinds: {a: {b: {c: {median: 1, scale: 0, count: 5, better: more}}}}\n",
         "f:2:60: better: expected higher or lower, found the text 'more'\n"},
        {"version: 1\nkinds: {a: {b: {c: {median: 1, scale: 0, count: 5, taken: today}}}}\n",
         "f:2:59: taken: expected a time such as "},
        {"version: 1\nkinds: {a: {b: {c: {median: 1, scale: 0, count: 5, taken: "
         "\"1013-11-22T11:13:44Z\"}}}}\n",
         "f:2:59: taken: expected a time such as "},
        {"version: 1\nkinds:\n  a: {b: {c: " FINE ", c: " FINE "}}\n",
         "f:3:47: the key 'c' stands in line 3 already"},
        {"version: 1\nkinds: {'': {b: {c: " FINE "}}}\n",
         "f:2:9: the name of a kind is a text in one line that is not empty\n"},
        {"version: 1\nkinds: {a: {\"b\\e\": {c: " FINE "}}}\n",
         "f:2:13: the name of a benchmark is a text in one line that is not empty\n"},
        {"version: 1\nkinds: {a: {b: {c: {median: 1\n", "f:3:1: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        cleanup(str_done) struct str mistakes = {0};
        struct baselines none = {0};
        struct error err;
        int rc =
            baselinefile_read("f", wrong[i].text, strlen(wrong[i].text), &none, &mistakes, &err);
        if (rc == 0 || err.kind != ERROR_USAGE || !mistakes.data ||
            strncmp(mistakes.data, wrong[i].said, strlen(wrong[i].said)) != 0)
            fail_msg("%s gave %s", wrong[i].text, mistakes.data ? mistakes.data : "no mistake");
    }
}

/* ---- learning ---- */

/* A server of a kind with one number; it passed. */
static size_t serve(struct cohort *c, const char *kind, const char *benchmark, double value) {
    struct error err;
    size_t row = c->server_count;
    assert_int_equal(cohort_add_server(c, "web", kind, &err), 0);
    assert_int_equal(cohort_add_value(c, row, benchmark, "triad", "GB/s", false, value, &err), 0);
    return row;
}

static void learn(const struct cohort *c, size_t min, struct baselines *ret,
                  struct baseline_remarks *remarks) {
    struct error err;
    if (baseline_learn(c, min, "r1", 7000000, ret, remarks, &err) < 0)
        fail_msg("%s", err.text);
}

static void those_that_passed_teach_their_kind(UNUSED void **state) {
    cleanup(cohort_done) struct cohort c = {0};
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baseline_remarks_done) struct baseline_remarks remarks = {0};
    double values[] = {98, 99, 100, 101, 102, 60, 160, NAN};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        serve(&c, "a", "memory", values[i]);
    size_t failed = serve(&c, "a", "memory", 70);
    c.servers[failed].verdict = VERDICT_FAILED;
    learn(&c, 5, &all, &remarks);
    assert_int_equal(remarks.gap_count, 0);
    assert_int_equal(all.count, 1);
    const struct baseline *b = &all.items[0];
    /* of 98 to 102, the outliers to both sides being dropped */
    assert_true(b->median == 100);
    assert_int_equal(b->count, 5);
    assert_true(fabs(b->scale - 1.4826) < 1e-4);
    assert_string_equal(b->kind, "a");
    assert_string_equal(b->unit, "GB/s");
    assert_string_equal(b->run, "r1");
    assert_int_equal(b->taken, 7000000);
}

static void what_is_within_three_percent_is_no_outlier(UNUSED void **state) {
    cleanup(cohort_done) struct cohort c = {0};
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baseline_remarks_done) struct baseline_remarks remarks = {0};
    double values[] = {100, 100.001, 99.999, 100.002, 99.998, 97.5};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        serve(&c, "a", "memory", values[i]);
    learn(&c, 5, &all, &remarks);
    assert_int_equal(all.items[0].count, 6);
}

static void few_servers_and_unknown_kinds_teach_nothing(UNUSED void **state) {
    cleanup(cohort_done) struct cohort c = {0};
    for (int i = 0; i < 4; i++)
        serve(&c, "few", "memory", 100);
    for (int i = 0; i < 9; i++)
        serve(&c, NULL, "memory", 100);
    for (int i = 0; i < 5; i++)
        serve(&c, "enough", "memory", 100 + i % 2);
    serve(&c, "enough", "gpu", 7);
    size_t failed = serve(&c, "broken", "memory", 100);
    c.servers[failed].verdict = VERDICT_FAILED;
    for (size_t min = 4; min <= 5; min++) {
        cleanup(baselines_done) struct baselines all = {0};
        cleanup(baseline_remarks_done) struct baseline_remarks remarks = {0};
        learn(&c, min, &all, &remarks);
        assert_int_equal(all.count, min == 4 ? 2 : 1);
        assert_string_equal(all.items[0].kind, "enough");
        assert_string_equal(all.items[0].benchmark, "memory");
        assert_int_equal(remarks.gap_count, min == 4 ? 1 : 2);
        assert_string_equal(remarks.gaps[remarks.gap_count - 1].kind, COHORT_UNKNOWN);
        assert_int_equal(remarks.gaps[remarks.gap_count - 1].passed, 9);
        if (min == 5)
            assert_int_equal(remarks.gaps[0].passed, 4);
    }
}

static void of_two_units_more_servers_decide(UNUSED void **state) {
    cleanup(cohort_done) struct cohort c = {0};
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baseline_remarks_done) struct baseline_remarks remarks = {0};
    struct error err;
    for (int i = 0; i < 15; i++) {
        assert_int_equal(cohort_add_server(&c, "web", "a", &err), 0);
        assert_int_equal(cohort_add_value(&c, (size_t)i, "memory", "triad", i < 9 ? "GB/s" : "MB/s",
                                          false, 100 + i, &err),
                         0);
    }
    learn(&c, 5, &all, &remarks);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.items[0].unit, "GB/s");
}

static void disks_are_kinds_of_their_own_for_disk(UNUSED void **state) {
    cleanup(cohort_done) struct cohort c = {0};
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baseline_remarks_done) struct baseline_remarks remarks = {0};
    struct error err;
    for (int i = 0; i < 12; i++) {
        size_t row = serve(&c, "a", "disk", i < 6 ? 100 : 200);
        c.servers[row].disk = i < 6 ? "HDD" : "SSD";
        assert_int_equal(cohort_add_value(&c, row, "memory", "triad", "GB/s", false, 7, &err), 0);
    }
    learn(&c, 5, &all, &remarks);
    assert_int_equal(all.count, 3);
    assert_true(baselines_find(&all, "a", "HDD", "disk", "triad")->median == 100);
    assert_true(baselines_find(&all, "a", "SSD", "disk", "triad")->median == 200);
    assert_true(baselines_find(&all, "a", NULL, "memory", "triad")->count == 12);
}

/* Twelve servers with an older firmware among forty; in the other metric, and kind, all are alike.
 */
static void two_groups_are_remarked(UNUSED void **state) {
    cleanup(cohort_done) struct cohort c = {0};
    cleanup(baselines_done) struct baselines all = {0};
    cleanup(baseline_remarks_done) struct baseline_remarks remarks = {0};
    struct error err;
    for (int i = 0; i < 40; i++) {
        double noise = (i * 7) % 11 - 5;
        size_t row = serve(&c, "a", "memory", (i < 12 ? 80 : 100) + noise / 10);
        assert_int_equal(cohort_add_value(&c, row, "cpu", "all", "", false, 1000 + noise, &err), 0);
        serve(&c, "b", "memory", 100 + noise / 10);
    }
    learn(&c, 5, &all, &remarks);
    assert_int_equal(all.count, 3);
    assert_int_equal(remarks.group_count, 1);
    const struct baseline_groups *g = &remarks.groups[0];
    assert_string_equal(g->kind, "a");
    assert_string_equal(g->benchmark, "memory");
    assert_string_equal(g->metric, "triad");
    assert_int_equal(g->lower, 12);
    assert_int_equal(g->upper, 28);
    assert_true(fabs(g->lower_median - 80) < 0.3);
    assert_true(fabs(g->upper_median - 100) < 0.3);
}

/* ---- what people see ---- */

static void a_difference_says_what_changes(UNUSED void **state) {
    cleanup(baselines_done) struct baselines older = {0}, newer = {0};
    cleanup(str_done) struct str text = {0};
    put(&older, some("a", "memory", "triad", 400));
    put(&older, some("a", "memory", "copy", 300));
    put(&newer, some("a", "memory", "triad", 380));
    put(&newer, some("a", "memory", "copy", 300));
    put(&newer, some("b", "memory", "copy", 300));
    struct baseline_difference all = baselinelist_add_difference(&text, &older, &newer);
    assert_int_equal(all.added, 1);
    assert_int_equal(all.changed, 1);
    assert_int_equal(all.same, 1);
    assert_string_equal(
        text.data, "a\n  memory         triad                    "
                   "400 GB/s (31 servers) -> 380 GB/s (31 servers), -5 %\n"
                   "\nb\n  memory         copy                     new: 300 GB/s (31 servers)\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stands_once_in_its_order),
        cmocka_unit_test(kinds_may_be_told_apart_by_disk),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(those_that_passed_teach_their_kind),
        cmocka_unit_test(what_is_within_three_percent_is_no_outlier),
        cmocka_unit_test(few_servers_and_unknown_kinds_teach_nothing),
        cmocka_unit_test(of_two_units_more_servers_decide),
        cmocka_unit_test(disks_are_kinds_of_their_own_for_disk),
        cmocka_unit_test(two_groups_are_remarked),
        cmocka_unit_test(a_difference_says_what_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
