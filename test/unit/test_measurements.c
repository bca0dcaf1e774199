/* measurements: numbers that others measured, in the forms in which they come. */
#include "test.h"

#include "input/measurements.h"

#include <string.h>

static struct measurements m;
static struct str mistakes;
static struct error err;

static int read_text(const char *text, size_t len) {
    static const char *const ignore[] = {"stamp", "monitor/*"};
    measurements_done(&m);
    str_clear(&mistakes);
    FILE *in = fmemopen((void *)text, len, "r");
    assert_non_null(in);
    int rc = measurements_read(in, "f", ignore, 2, &m, &mistakes, &err);
    fclose(in);
    return rc;
}

static int done(UNUSED void **state) {
    measurements_done(&m);
    str_done(&mistakes);
    return 0;
}

static void holds(size_t at, const char *server, const char *benchmark, const char *metric,
                  double value) {
    assert_true(at < m.count);
    const struct measurement *one = &m.items[at];
    assert_string_equal(m.servers.items[one->server], server);
    assert_string_equal(m.metrics[one->metric].benchmark, benchmark);
    assert_string_equal(m.metrics[one->metric].metric, metric);
    assert_true(one->value == value);
}

static void reads_json_lines(UNUSED void **state) {
    const char text[] = "{\"server\": \"web1\", \"kind\": \"A\", \"stamp\": \"noon\",\n"
                        "\n";
    assert_int_equal(read_text(text, strlen(text)), -1);
    const char good[] =
        "{\"server\": \"web2\", \"stamp\": \"noon\", \"m/t\": 2, \"cpu\": -1}\n"
        "\n"
        "{\"server\": \"web1\", \"kind\": \"A\", \"m\": {\"t\": [5, 4], \"c\": 0}}\n"
        "{\"server\": \"web2\", \"m/c\": NaN, \"m/x\": null, \"monitor/y\": \"z\"}";
    assert_int_equal(read_text(good, strlen(good)), 0);
    assert_int_equal(m.count, 5);
    assert_int_equal(m.servers.count, 2);
    holds(0, "web2", "m", "t", 2);
    holds(1, "web2", "cpu", "value", -1);
    holds(2, "web1", "m", "t", 5);
    holds(3, "web1", "m", "t", 4);
    holds(4, "web1", "m", "c", 0);
    assert_null(m.kinds[0]);
    assert_string_equal(m.kinds[1], "A");
}

static void reads_results_of_superbench(UNUSED void **state) {
    const char text[] =
        "{\"node\": \"sb-01\", \"bert_models/pytorch-bert-base/throughput_train_float32\": 279.87, "
        "\"gemm-flops/FP64:0\": 9031.23, \"kernel-launch/return_code\":0, \"x/y\": -Infinity}\n";
    assert_int_equal(read_text(text, strlen(text)), 0);
    assert_int_equal(m.count, 3);
    holds(0, "sb-01", "bert_models/pytorch-bert-base", "throughput_train_float32", 279.87);
    holds(1, "sb-01", "gemm-flops", "FP64:0", 9031.23);
    holds(2, "sb-01", "kernel-launch", "return_code", 0);
}

static void reads_a_metric_a_line(UNUSED void **state) {
    const char json[] = "{\"server\": \"a\", \"benchmark\": \"net\", \"metric\": \"rtt\", "
                        "\"value\": 12, \"unit\": \"us\", \"better\": \"lower\"}\n";
    const char csv[] = "server,benchmark,metric,value,unit,better\r\n"
                       "a,net,rtt,12,us,lower\r\n";
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i ? read_text(csv, strlen(csv)) : read_text(json, strlen(json)), 0);
        assert_int_equal(m.count, 1);
        holds(0, "a", "net", "rtt", 12);
        assert_string_equal(m.metrics[0].unit, "us");
        assert_int_equal(m.metrics[0].better, BETTER_LOWER);
    }
}

static void reads_csv_a_server_a_line(UNUSED void **state) {
    const char text[] = "\xef\xbb\xbf"
                        "node,kind,\"m/\"\"t\"\"\", m/c ,stamp\n"
                        "a,\"X, Y\",1e3,nan,noon\n"
                        "b,,-2.5,,noon\n";
    assert_int_equal(read_text(text, strlen(text)), 0);
    assert_int_equal(m.count, 2);
    holds(0, "a", "m", "\"t\"", 1000);
    holds(1, "b", "m", "\"t\"", -2.5);
    assert_int_equal(m.metric_count, 2);
    assert_string_equal(m.kinds[0], "X, Y");
    assert_null(m.kinds[1]);
}

/* The mistakes of a text, all of them. */
static void mistaken(const char *text, const char *expected) {
    assert_int_equal(read_text(text, strlen(text)), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(mistakes.data);
    assert_string_equal(mistakes.data, expected);
}

static void says_all_mistakes_with_their_places(UNUSED void **state) {
    mistaken("server,m/t\nweb1,fast\nweb2\nweb3,\"1\nwe b,2\n",
             "f:2:6: expected a number, not 'fast'\n"
             "f:3:1: expected 2 fields, as in the header, not 1\n"
             "f:4:6: expected a quote at the end of the field, then a comma\n"
             "f:5:1: expected the name of a server, not 'we b'\n");
    mistaken("m/t,m/t\nweb1,2\n", "f:1:1: expected a header with a column 'server' or 'node'\n"
                                  "f:1:1: expected each column once, not 'm/t'\n");
    mistaken(
        "{\"server\": \"a\", \"m/t\": \"1.5\"}\n{\"m/t\": 1}\n{\"server\": 5}\nwords\n",
        "f:1:1: expected a number without quotes (or --ignore) as value of the metric, not 'm/t'\n"
        "f:2:1: expected the key 'server' or 'node'\n"
        "f:3:1: server: expected a text\n"
        "f:4:1: expected a JSON object, as on the lines before\n");
    mistaken("server,kind,metric,value,unit,better\na,X,m/t,1,s,more\na,Y,m/t,1,ms,\n",
             "f:2:13: better: expected 'higher' or 'lower', not 'more'\n"
             "f:3:3: expected the kind that this server had before, not 'Y'\n"
             "f:3:11: expected the unit that this metric had before, not 'ms'\n");
}

static void tells_labels_from_metrics(UNUSED void **state) {
    const char labels[] =
        "{\"server\": \"a\", \"ok\": true, \"o\": {\"s\": \"9.0.1\", \"l\": [\"x\"]}, "
        "\"m/t\": 1, \"m/h\": 18446744073709551615}\n"
        "{\"server\": \"b\", \"ok\": null, \"o\": {\"d\": {}}}\n";
    assert_int_equal(read_text(labels, strlen(labels)), 0);
    assert_int_equal(m.count, 2);
    holds(1, "a", "m", "h", 18446744073709551615.0);
    assert_int_equal(m.labels.count, 4);
    assert_true(names_has(&m.labels, "ok") && names_has(&m.labels, "o/s") &&
                names_has(&m.labels, "o/l") && names_has(&m.labels, "o/d"));
    mistaken("{\"server\": \"a\", \"m/t\": \"fast\"}\n{\"server\": \"b\", \"m/t\": 1}\n"
             "{\"server\": \"c\", \"m/t\": true}\n",
             "f:1:1: 'm/t': expected a number, as on other lines (or --ignore)\n");
}

static void is_of(size_t metric, const char *benchmark, const char *name) {
    assert_string_equal(m.metrics[metric].benchmark, benchmark);
    assert_string_equal(m.metrics[metric].metric, name);
}

static void parts_names_as_it_is_told(UNUSED void **state) {
    const char text[] =
        "{\"server\": \"s\", \"a/b/c:0\": 1, \"a/b/c:1\": 1, \"a/b/d\": 1, \"a/e\": 1, "
        "\"ab/c\": 1, \"f:12\": 1, \"f:x\": 1}\n";
    cleanup(names_done) struct names told = {0};
    assert_int_equal(read_text(text, strlen(text)), 0);
    is_of(0, "a/b", "c:0");
    is_of(5, "f:12", "value");
    static const char *const names[] = {"a", "a/b/c", "f"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(names_add(&told, names[i], strlen(names[i])), 0);
    assert_int_equal(measurements_regroup(&m, &told, &err), 0);
    is_of(0, "a/b/c", "value:0");
    is_of(1, "a/b/c", "value:1");
    is_of(2, "a", "b/d");
    is_of(3, "a", "e");
    is_of(4, "ab", "c");
    is_of(5, "f", "value:12");
    is_of(6, "f:x", "value");
}

static void tells_ranks(UNUSED void **state) {
    assert_int_equal(measurements_rank("c:10"), 1);
    assert_int_equal(measurements_rank("c:"), 2);
    assert_int_equal(measurements_rank("c10"), 3);
    assert_int_equal(measurements_rank(":1"), 2);
    assert_int_equal(measurements_rank("10"), 2);
    assert_int_equal(measurements_rank(""), 0);
}

static void refuses_what_holds_nothing(UNUSED void **state) {
    assert_int_equal(read_text("\n\n", 2), -1);
    assert_string_equal(err.text, "f has no measurements");
    assert_int_equal(read_text("server,m/t\n", 11), -1);
    assert_string_equal(err.text, "f has no measurements");
    assert_int_equal(read_text("a\0b\n", 4), -1);
    assert_string_equal(mistakes.data, "f:1:1: expected text, found a NUL byte\n");
}

static void stops_at_a_hundred_mistakes(UNUSED void **state) {
    cleanup(str_done) struct str text = {0};
    str_add(&text, "server,m\n");
    for (int i = 0; i < 1000; i++)
        str_addf(&text, "s%d,bad\n", i);
    assert_int_equal(read_text(text.data, text.len), -1);
    assert_string_equal(err.text, "f has 100 mistakes");
    assert_int_equal(m.servers.count, 100);
}

static void stops_at_a_line_without_end(UNUSED void **state) {
    size_t len = MEASUREMENTS_LINE_MAX + 100;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    assert_int_equal(read_text(text, len), -1);
    assert_string_equal(mistakes.data,
                        "f:1:1: expected lines of at most 4 MiB; the rest was not read\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_json_lines),
        cmocka_unit_test(reads_results_of_superbench),
        cmocka_unit_test(reads_a_metric_a_line),
        cmocka_unit_test(reads_csv_a_server_a_line),
        cmocka_unit_test(says_all_mistakes_with_their_places),
        cmocka_unit_test(tells_labels_from_metrics),
        cmocka_unit_test(parts_names_as_it_is_told),
        cmocka_unit_test(tells_ranks),
        cmocka_unit_test(refuses_what_holds_nothing),
        cmocka_unit_test(stops_at_a_hundred_mistakes),
        cmocka_unit_test(stops_at_a_line_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
