/* What wire promises: requests that any JSON reader takes, and no answer that can do harm. */
#include "base/text.h"
#include "test.h"
#include "wire/wire.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct wire_message parsed(const char *line) {
    struct wire_message m;
    struct error err = {0};
    if (wire_parse(line, strlen(line), &m, &err) != 0)
        fail_msg("%s: %s", line, err.text);
    return m;
}

static void refuses_bytes(const char *line, size_t n) {
    struct wire_message m = {.id = 77};
    struct error err = {0};
    if (wire_parse(line, n, &m, &err) != -1)
        fail_msg("was read: %.100s", line);
    assert_int_equal(err.kind, ERROR_BAD_OUTPUT);
    assert_int_equal(m.id, 77); /* untouched */
    assert_true(text_is_utf8(err.text, strlen(err.text)));
    for (const char *p = err.text; *p; p++)
        assert_false((unsigned char)*p < 0x20 || *p == 0x7f);
}

static void refuses(const char *line) {
    refuses_bytes(line, strlen(line));
}

static json_t *request(struct str *out) {
    assert_false(out->failed);
    assert_int_equal(out->data[out->len - 1], '\n');
    assert_ptr_equal(memchr(out->data, '\n', out->len), out->data + out->len - 1);
    json_t *object = json_loadb(out->data, out->len, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_object(object));
    return object;
}

static void writes_a_benchmark(UNUSED void **state) {
    struct str out = {0};
    wire_add_benchmark(&out, INT64_MAX, "cpu", 60000, 2, 0, "{\"work\":5}");
    json_t *object = request(&out);
    assert_string_equal(json_string_value(json_object_get(object, "type")), "benchmark");
    assert_string_equal(json_string_value(json_object_get(object, "name")), "cpu");
    assert_true(json_integer_value(json_object_get(object, "id")) == INT64_MAX);
    assert_int_equal(json_integer_value(json_object_get(object, "timeout_ms")), 60000);
    json_t *parameters = json_object_get(object, "parameters");
    assert_int_equal(json_integer_value(json_object_get(parameters, "work")), 5);
    json_decref(object);
    str_done(&out);
}

static void writes_a_command_whatever_is_in_it(UNUSED void **state) {
    static const char command[] = "printf '%s\\n' \"a\tb\" \x01\x7f \xc3\xbc\nexit 3";
    const struct wire_env env[] = {{"A", "1\"2"}, {"B", ""}};
    struct str out = {0};
    wire_add_command(&out, 2, command, 1, 4096, 9, env, 2, "fio");
    json_t *object = request(&out);
    assert_string_equal(json_string_value(json_object_get(object, "command")), command);
    assert_string_equal(json_string_value(json_object_get(object, "needs")), "fio");
    assert_int_equal(json_integer_value(json_object_get(object, "output_limit")), 4096);
    assert_int_equal(json_integer_value(json_object_get(object, "keep_limit")), 9);
    json_t *given = json_object_get(object, "env");
    assert_int_equal(json_object_size(given), 2);
    assert_string_equal(json_string_value(json_object_get(given, "A")), "1\"2");
    assert_string_equal(json_string_value(json_object_get(given, "B")), "");
    json_decref(object);

    str_clear(&out);
    wire_add_command(&out, 3, "true", 1, 1, 0, NULL, 0, NULL);
    object = request(&out);
    assert_null(json_object_get(object, "env"));
    assert_null(json_object_get(object, "needs"));
    json_decref(object);
    str_done(&out);
}

static void writes_what_has_no_answer(UNUSED void **state) {
    struct str out = {0};
    wire_add_lease(&out,
                   &(struct wire_lease){.lease_ms = 60000, .beat_ms = 15000, .busy_wait_ms = 500});
    assert_string_equal(out.data, "{\"type\":\"lease\",\"lease_ms\":60000,\"beat_ms\":15000,"
                                  "\"busy_wait_ms\":500}\n");
    str_clear(&out);
    wire_add_lease(
        &out, &(struct wire_lease){
                  .lease_ms = 2, .beat_ms = 1, .linger_ms = 7200000, .key = "a\"b", .round = 3});
    assert_string_equal(out.data, "{\"type\":\"lease\",\"lease_ms\":2,\"beat_ms\":1,"
                                  "\"busy_wait_ms\":0,\"linger_ms\":7200000,\"key\":\"a\\\"b\","
                                  "\"round\":3}\n");
    str_clear(&out);
    wire_add_end(&out);
    assert_string_equal(out.data, "{\"type\":\"end\"}\n");
    str_done(&out);
}

static void reads_a_sign_of_life(UNUSED void **state) {
    struct wire_message m;
    struct error err = {0};
    static const char line[] = "{\"type\":\"alive\"}";
    assert_int_equal(wire_parse(line, strlen(line), &m, &err), 0);
    assert_int_equal(m.type, WIRE_ALIVE);
    wire_message_done(&m);
}

static void reads_a_piece(UNUSED void **state) {
    struct wire_message m = parsed("{\"type\":\"piece\",\"id\":3,\"output\":\"YQBi\"}");
    assert_int_equal(m.type, WIRE_PIECE);
    assert_int_equal(m.id, 3);
    assert_int_equal(m.output_len, 3);
    assert_memory_equal(m.output, "a\0b", 3);
    wire_message_done(&m);
}

static void reads_a_hello(UNUSED void **state) {
    struct wire_message m =
        parsed("{\"muster\":1,\"type\":\"hello\",\"version\":\"0.1\",\"hash\":\"" HASH
               "\",\"arch\":\"x86_64\",\"facts\":{\"os\":\"a\\u001b[31mb\",\"n\":[1,2.5,null,true],"
               "\"o\":{\"k\\n\":false},\"e\":[],\"f\":{}},\"later\":1}");
    assert_int_equal(m.type, WIRE_HELLO);
    assert_string_equal(m.version, "0.1");
    assert_string_equal(m.hash, HASH);
    assert_string_equal(m.arch, "x86_64");
    assert_string_equal(m.facts, "{\"os\":\"a\\\\x1b[31mb\",\"n\":[1,2.5,null,true],"
                                 "\"o\":{\"k\\\\n\":false},\"e\":[],\"f\":{}}");
    wire_message_done(&m);
}

static void reads_a_need(UNUSED void **state) {
    struct wire_message m = parsed("{\"muster\":1,\"type\":\"need\",\"arch\":\"aarch64\"}");
    assert_int_equal(m.type, WIRE_NEED);
    assert_string_equal(m.arch, "aarch64");
    wire_message_done(&m);
}

static void reads_metrics(UNUSED void **state) {
    struct wire_message m =
        parsed("{\"type\":\"metrics\",\"id\":7,\"seconds\":0.5,\"metrics\":["
               "{\"name\":\"all\",\"unit\":\"Mop/s\",\"value\":12.5,\"better\":\"higher\"},"
               "{\"name\":\"lat\\u2028\",\"unit\":\"ns\",\"value\":3,\"better\":\"lower\"}],"
               "\"units\":2,\"class\":\"ssd\"}");
    assert_int_equal(m.type, WIRE_METRICS);
    assert_int_equal(m.id, 7);
    assert_true(m.seconds == 0.5);
    assert_int_equal(m.metric_count, 2);
    assert_int_equal(m.units, 2);
    assert_string_equal(m.class, "ssd");
    assert_string_equal(m.metrics[0].name, "all");
    assert_true(m.metrics[0].value == 12.5);
    assert_false(m.metrics[0].lower_is_better);
    assert_string_equal(m.metrics[1].name, "lat\\xe2\\x80\\xa8");
    assert_true(m.metrics[1].value == 3);
    assert_true(m.metrics[1].lower_is_better);
    wire_message_done(&m);
}

static void reads_output_byte_by_byte(UNUSED void **state) {
    static const struct {
        const char *base64;
        const char *bytes;
        size_t len;
    } cases[] = {{"", "", 0},
                 {"Zg==", "f", 1},
                 {"Zm8=", "fo", 2},
                 {"Zm9v", "foo", 3},
                 {"Zm9vYg==", "foob", 4},
                 {"AP/+", "\0\xff\xfe", 3},
                 {"+/+/", "\xfb\xff\xbf", 3}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char line[200];
        snprintf(line, sizeof(line),
                 "{\"type\":\"output\",\"id\":1,\"seconds\":1,\"status\":137,\"truncated\":true,"
                 "\"output\":\"%s\"}",
                 cases[i].base64);
        struct wire_message m = parsed(line);
        assert_int_equal(m.type, WIRE_OUTPUT);
        assert_int_equal(m.status, 137);
        assert_true(m.truncated);
        assert_int_equal(m.output_len, cases[i].len);
        assert_memory_equal(m.output, cases[i].bytes, cases[i].len + 1);
        wire_message_done(&m);
    }
}

static void the_largest_output_fits_a_line(UNUSED void **state) {
    assert_true((WIRE_OUTPUT_MAX + 2) / 3 * 4 + 1024 < WIRE_LINE_MAX);
}

static void refuses_what_is_no_base64(UNUSED void **state) {
    static const char *const bad[] = {"A",    "AA",   "AAA",      "A===", "====",  "=AAA",
                                      "AA=A", "AAA ", "AA==AAAA", "AA-_", "AAAA=", "Zm9v\\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char line[200];
        snprintf(line, sizeof(line),
                 "{\"type\":\"output\",\"id\":1,\"seconds\":1,\"status\":0,\"truncated\":false,"
                 "\"output\":\"%s\"}",
                 bad[i]);
        refuses(line);
    }
}

static void reads_what_was_seen_meanwhile(UNUSED void **state) {
    struct wire_message m = parsed(
        "{\"id\":1,\"type\":\"metrics\",\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":1,\"better\":\"higher\"}],\"conditions\":\"hot\\u001b\",\"sensors\":{\"c\":[1,"
        "null]}}");
    assert_string_equal(m.conditions, "hot\\x1b");
    assert_string_equal(m.sensors, "{\"c\":[1,null]}");
    wire_message_done(&m);
    m = parsed("{\"id\":7,\"type\":\"skipped\",\"detail\":\"no GPU\"}");
    assert_int_equal(m.type, WIRE_SKIPPED);
    assert_string_equal(m.detail, "no GPU");
    wire_message_done(&m);
}

static void reads_errors_an_agent_can_have(UNUSED void **state) {
    struct wire_message m = parsed("{\"muster\":1,\"type\":\"error\",\"id\":0,\"reason\":\"busy\","
                                   "\"detail\":\"run 1 \\u001b]0;x\\u0007\"}");
    assert_int_equal(m.type, WIRE_ERROR);
    assert_int_equal(m.reason, REASON_BUSY);
    assert_string_equal(m.detail, "run 1 \\x1b]0;x\\x07");
    wire_message_done(&m);
    static const char *const not_its_own[] = {"interrupted",     "host-key", "unreachable", "auth",
                                              "below-threshold", "outlier",  "nonsense",    "",
                                              "connection-lost"};
    for (size_t i = 0; i < ARRAY_LEN(not_its_own); i++) {
        char line[200];
        snprintf(line, sizeof(line),
                 "{\"type\":\"error\",\"id\":1,\"reason\":\"%s\",\"detail\":\"x\"}",
                 not_its_own[i]);
        refuses(line);
    }
}

static void refuses_hostile_lines(UNUSED void **state) {
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[]",
        "1",
        "null",
        "\"x\"",
        "{}",
        "{\"type\":1}",
        "{\"type\":\"x\"}",
        "Last login: Sun Nov 22",
        "\x1b[31m{\"type\":\"need\"}",
        "\xff\xfe",
        "{}{}",
        "{\"type\":\"need\",\"arch\":\"x\"}",                     /* no version */
        "{\"muster\":2,\"type\":\"need\",\"arch\":\"x\"}",        /* another version */
        "{\"muster\":1.0,\"type\":\"need\",\"arch\":\"x\"}",      /* a real */
        "{\"muster\":1,\"type\":\"need\",\"arch\":\"\"}",         /* empty */
        "{\"muster\":1,\"type\":\"need\",\"arch\":\"a\\u0000\"}", /* NUL */
        "{\"muster\":1,\"type\":\"need\",\"arch\":\"\xc3\"}",     /* not UTF-8 */
        "{\"muster\":1,\"type\":\"need\",\"arch\":\"\\ud800\"}",  /* half a character */
        "{\"muster\":1,\"type\":\"need\",\"arch\":\"x\",\"arch\":\"y\"}",
        "{\"muster\":1,\"type\":\"need\",\"arch\":[\"x\"]}",
        "{\"muster\":1,\"type\":\"need\",\"arch\":\"x\"} x",
        "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":\"abc\",\"arch\":\"x\","
        "\"facts\":{}}",
        "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":\"" HASH "\",\"arch\":\"x\"}",
        "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":\"" HASH "\",\"arch\":\"x\","
        "\"facts\":[]}",
        "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":\"" HASH "\",\"arch\":\"x\","
        "\"facts\":{\"a\":[[[[[[[[[1]]]]]]]]]}}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[]}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":{}}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[1]}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":-1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":1,\"better\":\"higher\"}]}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":1e999,\"better\":\"higher\"}]}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":NaN,\"better\":\"higher\"}]}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":\"1\",\"better\":\"higher\"}]}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":1,\"better\":\"faster\"}]}",
        /* the second is wrong: the first must be freed */
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":1,\"better\":\"lower\"},{\"name\":\"c\",\"unit\":2,\"value\":1,"
        "\"better\":\"lower\"}]}",
        "{\"type\":\"metrics\",\"id\":-1,\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":1,\"better\":\"lower\"}]}",
        "{\"type\":\"metrics\",\"id\":99999999999999999999,\"seconds\":1,\"metrics\":[]}",
        "{\"type\":\"metrics\",\"id\":1,\"seconds\":1,\"metrics\":[{\"name\":\"a\",\"unit\":\"b\","
        "\"value\":1,\"better\":\"lower\"}],\"units\":4294967298}",
        "{\"type\":\"output\",\"id\":1,\"seconds\":1,\"status\":256,\"truncated\":false,"
        "\"output\":\"\"}",
        "{\"type\":\"output\",\"id\":1,\"seconds\":1,\"status\":0,\"truncated\":0,\"output\":\"\"}",
        "{\"type\":\"output\",\"id\":1,\"seconds\":1,\"status\":0,\"truncated\":false}",
        "{\"type\":\"error\",\"id\":1,\"reason\":\"busy\"}",
        "{\"type\":\"error\",\"reason\":\"busy\",\"detail\":\"x\"}",
        "{\"type\":\"error\",\"id\":1,\"reason\":null,\"detail\":\"x\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        refuses(bad[i]);
    static const char nul[] = "{\"muster\":1,\"type\":\"need\",\"arch\":\"a\0b\"}";
    refuses_bytes(nul, sizeof(nul) - 1);
    static const char after[] = "{\"muster\":1,\"type\":\"need\",\"arch\":\"a\"}\0x";
    refuses_bytes(after, sizeof(after) - 1);
}

static void refuses_lines_that_nest_or_swell(UNUSED void **state) {
    static const size_t n = 1000 * 1000;
    char *deep = malloc(n + 1);
    assert_non_null(deep);
    memset(deep, '[', n);
    deep[n] = '\0';
    refuses(deep);
    free(deep);

    struct str big = {0};
    str_add(&big, "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":\"" HASH
                  "\",\"arch\":\"x\",\"facts\":{\"a\":[0");
    for (size_t i = 0; i < WIRE_FACTS_MAX; i++)
        str_add(&big, ",0");
    str_add(&big, "]}}");
    refuses_bytes(big.data, big.len);
    str_done(&big);
}

static void cuts_long_texts(UNUSED void **state) {
    struct str line = {0};
    str_add(&line, "{\"type\":\"error\",\"id\":1,\"reason\":\"internal\",\"detail\":\"");
    for (size_t i = 0; i < 100000; i++)
        str_add_char(&line, 'x');
    str_add(&line, "\"}");
    struct wire_message m = parsed(line.data);
    assert_in_range(strlen(m.detail), 100, 500);
    wire_message_done(&m);
    str_done(&line);
}

/* Every beginning of a good line, and the line with each byte replaced, is read or refused. */
static void survives_cut_and_broken_lines(UNUSED void **state) {
    static const char line[] =
        "{\"type\":\"metrics\",\"id\":7,\"seconds\":0.5,\"metrics\":[{\"name\":\"all\","
        "\"unit\":\"Mop/s\",\"value\":12.5,\"better\":\"higher\"}],\"units\":2}";
    for (size_t n = 0; n < sizeof(line) - 1; n++)
        refuses_bytes(line, n);
    static const char with[] = {0, '"', '{', '9', 'e', '-', (char)0xff, '\\'};
    for (size_t i = 0; i < sizeof(line) - 1; i++)
        for (size_t j = 0; j < sizeof(with); j++) {
            char broken[sizeof(line)];
            memcpy(broken, line, sizeof(line));
            broken[i] = with[j];
            struct wire_message m;
            struct error err = {0};
            if (wire_parse(broken, sizeof(line) - 1, &m, &err) == 0) {
                assert_true(isfinite(m.seconds) && isfinite(m.metrics[0].value));
                wire_message_done(&m);
            } else {
                assert_int_equal(err.kind, ERROR_BAD_OUTPUT);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_benchmark),
        cmocka_unit_test(writes_a_command_whatever_is_in_it),
        cmocka_unit_test(writes_what_has_no_answer),
        cmocka_unit_test(reads_a_sign_of_life),
        cmocka_unit_test(reads_a_piece),
        cmocka_unit_test(reads_a_hello),
        cmocka_unit_test(reads_a_need),
        cmocka_unit_test(reads_metrics),
        cmocka_unit_test(reads_output_byte_by_byte),
        cmocka_unit_test(the_largest_output_fits_a_line),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(reads_what_was_seen_meanwhile),
        cmocka_unit_test(reads_errors_an_agent_can_have),
        cmocka_unit_test(refuses_hostile_lines),
        cmocka_unit_test(refuses_lines_that_nest_or_swell),
        cmocka_unit_test(cuts_long_texts),
        cmocka_unit_test(survives_cut_and_broken_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
