/* report: every format, over servers whose texts are as bad as they come. */
#include "report/report.h"

#include "base/str.h"
#include "test.h"

#include <math.h>
#include <string.h>

#define HOSTILE "=cmd|'/C calc'!A1,\"x\"\n`@all` ]]> <b>&\\ | \xff\x01\x1b[31m"

static double trials[] = {12.5, 13};
static struct metric metrics[] = {
    {.name = "rate",
     .unit = "GB/s",
     .value = 12.75,
     .trials = trials,
     .trial_count = 2,
     .spread = 0.01},
    {.name = "wait", .unit = "us", .value = 3, .lower_is_better = true, .spread = NAN},
};

static struct benchmark_result good = {.benchmark = "disk",
                                       .verdict = VERDICT_PASSED,
                                       .score = 85,
                                       .metric = "rate",
                                       .unit = "GB/s",
                                       .value = 12.75,
                                       .reference = 15,
                                       .reference_source = "built-in",
                                       .threshold = 50,
                                       .trials = trials,
                                       .trial_count = 2,
                                       .spread = 0.01,
                                       .seconds = 2.5,
                                       .metrics = metrics,
                                       .metric_count = 2};

static struct benchmark_result bad = {.benchmark = "cpu",
                                      .verdict = VERDICT_ERROR,
                                      .reason = REASON_BAD_OUTPUT,
                                      .detail = HOSTILE,
                                      .score = NAN,
                                      .value = NAN,
                                      .reference = NAN,
                                      .threshold = 50,
                                      .spread = NAN,
                                      .seconds = 1};

static struct benchmark_result skipped = {.benchmark = "gpu",
                                          .verdict = VERDICT_SKIPPED,
                                          .detail = "no GPU",
                                          .score = NAN,
                                          .value = NAN,
                                          .reference = NAN,
                                          .threshold = NAN,
                                          .spread = NAN};

/* so many servers, one after another of the four kinds below */
struct fleet {
    size_t count;
    const char *name; /* of all, with a number behind it; NULL: web */
};

static const char findings[] =
    "[{\"finding\":\"drift\",\"benchmark\":\"disk\",\"detail\":\"older\"},"
    "{\"finding\":\"outlier\",\"benchmark\":\"disk\",\"detail\":\"slow rate\"},"
    "{\"finding\":\"missing-metric\",\"benchmark\":\"disk\",\"detail\":\"no wait\"}]";

static struct server_result result_of(size_t i, struct benchmark_result room[2]) {
    struct server_result r = {.verdict = VERDICT_PASSED, .attempts = 1, .seconds = 4};
    room[0] = good;
    r.benchmarks = room;
    r.benchmark_count = 2;
    room[1] = i % 4 == 1 ? bad : skipped;
    if (i % 4 == 1) {
        r.verdict = VERDICT_ERROR;
        r.reason = REASON_BAD_OUTPUT;
        r.detail = HOSTILE;
        r.kind = "+kind";
    } else if (i % 4 == 2) {
        r.verdict = VERDICT_FAILED;
        r.reason = REASON_OUTLIER;
        r.detail = "slow rate";
        r.findings = (char *)findings;
        r.why = "[{\"detail\":\"governor powersave\"}]";
    } else if (i % 4 == 3) {
        r = (struct server_result){.verdict = VERDICT_CANCELLED, .reason = REASON_INTERRUPTED};
    }
    return r;
}

static int each(const struct report_source *from, report_server_fn *fn, void *arg,
                struct error *err) {
    const struct fleet *f = from->reading;
    for (size_t i = 0; i < f->count; i++) {
        struct benchmark_result room[2];
        struct server_result r = result_of(i, room);
        char name[128];
        snprintf(name, sizeof(name), "%s%zu", f->name ? f->name : "web", i);
        if (fn(arg, name, &r, err) < 0)
            return -1;
    }
    return 0;
}

/* the caller frees it */
static char *report(report_fn *write, size_t count, const char *name) {
    struct fleet fleet = {count, name};
    struct run run = {.id = "20261122-111344-7f3a2c",
                      .started = INT64_C(1795347224123000000),
                      .seconds = 12.5,
                      .fanout = 32,
                      .threshold = 50,
                      .total = count,
                      .passed = (count + 3) / 4,
                      .failed = (count + 1) / 4,
                      .errors = (count + 2) / 4,
                      .cancelled = count / 4};
    struct report_source from = {
        .run = &run, .notes = "[\"two <groups>\"]", .each = each, .reading = &fleet};
    struct error err;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(write(out, &from, &err), 0);
    fclose(out);
    assert_int_equal(strlen(text), size);
    return text;
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("lacks: %s\nin: %.3000s", part, text);
}

static void lacks(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("has: %s\nin: %.3000s", part, text);
}

static size_t times(const char *text, const char *part) {
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        n++;
    return n;
}

#define RUN_CELLS "20261122-111344-7f3a2c,2026-11-22T11:33:44.123Z,interrupted,"

static void csv_has_a_row_for_each_metric_and_for_what_has_none(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_csv, 4, NULL);
    has(text,
        "\r\n" RUN_CELLS "web0,,passed,,,1,4,disk,passed,,,no,2.5,,rate,yes,12.75,GB/s,higher,"
        "2,0.01,85,50,15,built-in\r\n");
    has(text, "\r\n" RUN_CELLS "web0,,passed,,,1,4,disk,passed,,,no,2.5,,wait,no,3,us,lower,0,,,,,"
              "\r\n");
    has(text, "\r\n" RUN_CELLS "web0,,passed,,,1,4,gpu,skipped,,\"no GPU\",no,0,,,,,,,,,,,,\r\n");
    has(text, "\r\n" RUN_CELLS "web3,,cancelled,interrupted,,0,0,,,,,,,,,,,,,,,,,,\r\n");
    /* a heading, three servers of three rows (one has two metrics), and one of none */
    assert_int_equal(times(text, "\r\n"), 1 + 3 * 3 + 1);
}

static void csv_has_the_same_number_of_cells_in_every_row(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_csv, 4, "=web,\"");
    size_t expected = 0, cells = 1;
    bool quoted = false;
    for (const char *p = text; *p; p++) {
        quoted ^= *p == '"';
        cells += !quoted && *p == ',';
        if (quoted || *p != '\n')
            continue;
        expected = expected ? expected : cells;
        assert_int_equal(cells, expected);
        cells = 1;
    }
    assert_int_equal(expected, 28);
}

static void csv_has_no_formula(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_csv, 2, "=web");
    has(text, ",\"'=web0\",");
    has(text, ",\"'+kind\",");
    has(text, "\"'=cmd|'/C calc'!A1,\"\"x\"\"\\n`@all` ]]> <b>&\\ | \\xff\\x01\\x1b[31m\"");
    lacks(text, ",=");
    lacks(text, ",+");
    lacks(text, "\x1b");
}

static void junit_tells_each_verdict_once(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_junit, 4, NULL);
    has(text, "tests=\"10\" failures=\"1\" errors=\"1\" skipped=\"3\"");
    has(text, "<testcase classname=\"muster.disk\" name=\"web0\" time=\"2.500\"/>");
    has(text, "<testcase classname=\"muster.session\" name=\"web0\" time=\"1.500\"/>");
    has(text, "<skipped type=\"skipped\" message=\"no GPU\">no GPU</skipped>");
    has(text, "<testcase classname=\"muster.disk\" name=\"web2\" time=\"2.500\">\n"
              "<failure type=\"outlier\" message=\"slow rate; and 1 more metric\">");
    has(text, "score 85\nthreshold 50\nrate 12.75 GB/s\nreference 15\ntrials 12.5, 13\n</failure>");
    has(text, "<testcase classname=\"muster.session\" name=\"web2\" time=\"1.500\"/>");
    has(text, "<testcase classname=\"muster.session\" name=\"web3\" time=\"0.000\">\n<skipped "
              "type=\"interrupted\"");
    has(text, "note: two &lt;groups&gt;\n");
    has(text, "The run is interrupted: 1 servers have no verdict.");
}

static void junit_replaces_what_xml_cannot_say(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_junit, 2, "\x01\xef\xbf\xbe\"");
    has(text, "name=\"\xef\xbf\xbd\xef\xbf\xbd&quot;1\"");
    has(text, "message=\"=cmd|'/C calc'!A1,&quot;x&quot;&#10;`@all` ]]&gt; &lt;b&gt;&amp;\\ | "
              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd[31m\"");
    lacks(text, "\x1b");
    lacks(text, "]]>");
}

static void prometheus_has_a_family_in_one_place(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_prometheus, 4, NULL);
    has(text, "muster_run_info{run=\"20261122-111344-7f3a2c\",state=\"interrupted\"} 1\n");
    has(text, "muster_run_start_time_seconds 1795347224.123\n");
    has(text,
        "# TYPE muster_server_passed gauge\nmuster_server_passed{server=\"web0\"} 1\n"
        "muster_server_passed{server=\"web1\"} 0\nmuster_server_passed{server=\"web2\"} 0\n#");
    has(text, "muster_metric_value{server=\"web0\",benchmark=\"disk\",metric=\"wait\",unit=\"us\"} "
              "3\n");
    has(text, "muster_benchmark_passed{server=\"web1\",benchmark=\"cpu\"} 0\n");
    lacks(text, "muster_benchmark_passed{server=\"web0\",benchmark=\"gpu\"}");
    lacks(text, "nan");
    assert_int_equal(times(text, "# TYPE "), times(text, "# HELP "));
}

static void prometheus_escapes_labels(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_prometheus, 1, "a\"\\\n\xff");
    has(text, "muster_server_passed{server=\"a\\\"\\\\\\\\n\\\\xff0\"} 1\n");
}

static void markdown_says_the_outcome_first(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_markdown, 4, NULL);
    static const char head[] = "## muster: 3 of 4 servers did not pass\n\n"
                               "1 passed, 1 failed, 1 error, 1 cancelled in 12.5 s. Run "
                               "`20261122-111344-7f3a2c` of 2026-11-22 11:33 UTC.\n\n"
                               "**The run was interrupted**: what is below is not all of it.\n\n"
                               "| did not pass | servers | which |\n|---|--:|---|\n"
                               "| failed, outlier | 1 | `web2` |\n";
    assert_memory_equal(text, head, sizeof(head) - 1);
    has(text, "- `web2`: `slow rate`; different: `governor powersave`\n");
    has(text, "- `two <groups>`\n");
    has(text, "| slower than itself | 1 | `web2` |\n");
    lacks(text, "Cut to be short");
}

static void markdown_lets_nothing_out_of_its_span(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_markdown, 2, "`|\\|");
    has(text, "| error, bad-output | 1 | `` `\\|\\\u00a61 `` |\n");
    has(text, "- `` `|\\|1 ``: ``=cmd|'/C calc'!A1,\"x\"\\n`@all` ]]> <b>&\\ | "
              "\\xff\\x01\\x1b[31m``\n");
}

static void markdown_is_short_for_any_fleet(UNUSED void **state) {
    static const char name[] =
        "a-rather-long-name-of-a-server-in-a-rather-large-fleet.example.org-";
    cleanup(free_ptr) char *text = report(report_markdown, 10000, name);
    assert_in_range(strlen(text), 10000, REPORT_MARKDOWN_MAX);
    has(text, " | 2500 | ");
    has(text, " more |\n");
    has(text, "Cut to be short enough for a comment: ");
    has(text, "`muster show 20261122-111344-7f3a2c` has.\n");
    assert_int_equal(times(text, "<details>"), times(text, "</details>"));
}

static void json_names_what_did_not_pass_first(UNUSED void **state) {
    cleanup(free_ptr) char *text = report(report_json, 4, NULL);
    has(text, "\"failed_servers\":[\"web1\",\"web2\",\"web3\"],\"notes\":[\"two <groups>\"],"
              "\"servers\":[\n{\"server\":\"web0\"");
    has(text, "\"state\":\"interrupted\"");
}

static void a_fleet_of_none_is_a_report_too(UNUSED void **state) {
    report_fn *const all[] = {report_csv, report_json, report_junit, report_prometheus,
                              report_markdown};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        cleanup(free_ptr) char *text = report(all[i], 0, NULL);
        assert_true(strlen(text) > 0);
    }
}

static int stop(UNUSED const struct report_source *from, UNUSED report_server_fn *fn,
                UNUSED void *arg, struct error *err) {
    return error_set(err, ERROR_STORE, "no more");
}

static void what_the_source_fails_with_comes_back(UNUSED void **state) {
    report_fn *const all[] = {report_csv, report_json, report_junit, report_prometheus,
                              report_markdown};
    struct run run = {.id = "1"};
    struct report_source from = {.run = &run, .each = stop};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct error err = {0};
        FILE *out = fopen("/dev/null", "w");
        assert_int_equal(all[i](out, &from, &err), -1);
        assert_string_equal(err.text, "no more");
        fclose(out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_row_for_each_metric_and_for_what_has_none),
        cmocka_unit_test(csv_has_the_same_number_of_cells_in_every_row),
        cmocka_unit_test(csv_has_no_formula),
        cmocka_unit_test(junit_tells_each_verdict_once),
        cmocka_unit_test(junit_replaces_what_xml_cannot_say),
        cmocka_unit_test(prometheus_has_a_family_in_one_place),
        cmocka_unit_test(prometheus_escapes_labels),
        cmocka_unit_test(markdown_says_the_outcome_first),
        cmocka_unit_test(markdown_lets_nothing_out_of_its_span),
        cmocka_unit_test(markdown_is_short_for_any_fleet),
        cmocka_unit_test(json_names_what_did_not_pass_first),
        cmocka_unit_test(a_fleet_of_none_is_a_report_too),
        cmocka_unit_test(what_the_source_fails_with_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
