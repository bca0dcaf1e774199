/* What sync/format promises. */
#include "base/clock.h"
#include "base/text.h"
#include "sync/format.h"
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WALL (INT64_C(1795345998) * CLOCK_S + 123 * CLOCK_MS) /* 2026-11-22T11:13:18.123Z */
#define FIELDS(...) ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})

static char *line(enum log_format format, enum log_level level, const char *event,
                  const struct log_field *fields) {
    static struct str out;
    struct format_clock clock = {.second = -1};
    str_clear(&out);
    const struct format_record record = {level, WALL, event, fields, NULL};
    format_line(&out, format, &record, &clock);
    assert_false(out.failed);
    return out.data;
}

static int set_zone(UNUSED void **state) {
    setenv("TZ", "UTC-1", 1);
    tzset();
    return 0;
}

static void console_is_the_form_operators_know(UNUSED void **state) {
    assert_string_equal(
        line(LOG_CONSOLE, LOG_INFO, "benchmark completed",
             FIELDS(LOG_S("server", "web03"), LOG_F("seconds", 1.02), LOG_I("score", 49))),
        "2026-11-22 12:13:18 [info     ] benchmark completed            "
        "server=web03 seconds=1.02 score=49\n");
    assert_string_equal(line(LOG_CONSOLE, LOG_WARNING, "x", FIELDS(LOG_I("n", -7))),
                        "2026-11-22 12:13:18 [warning  ] x                              n=-7\n");
    assert_string_equal(line(LOG_CONSOLE, LOG_DEBUG, "nothing else", FIELDS()),
                        "2026-11-22 12:13:18 [debug    ] nothing else\n");
    assert_string_equal(
        line(LOG_CONSOLE, LOG_ERROR, "an event of more than thirty columns", FIELDS(LOG_I("n", 1))),
        "2026-11-22 12:13:18 [error    ] an event of more than thirty columns n=1\n");
}

static void console_pads_characters_not_bytes(UNUSED void **state) {
    assert_string_equal(line(LOG_CONSOLE, LOG_INFO, "gr\xc3\xbc\xc3\x9f", FIELDS(LOG_I("n", 1))),
                        "2026-11-22 12:13:18 [info     ] gr\xc3\xbc\xc3\x9f                       "
                        "    n=1\n");
}

static void logfmt_and_json_carry_the_same(UNUSED void **state) {
    const struct log_field *fields =
        FIELDS(LOG_S("server", "web03"), LOG_S("none", NULL), LOG_F("seconds", 1.02));
    assert_string_equal(line(LOG_LOGFMT, LOG_INFO, "benchmark completed", fields),
                        "timestamp=2026-11-22T11:13:18.123Z level=info "
                        "event=\"benchmark completed\" server=web03 seconds=1.02\n");
    assert_string_equal(line(LOG_JSON, LOG_INFO, "benchmark completed", fields),
                        "{\"timestamp\":\"2026-11-22T11:13:18.123Z\",\"level\":\"info\","
                        "\"event\":\"benchmark completed\",\"server\":\"web03\","
                        "\"seconds\":1.02}\n");
}

static void writes_lists(UNUSED void **state) {
    static const char *const items[] = {"a", "b c", "d,e", "f]", ""};
    const char *text = line(LOG_LOGFMT, LOG_INFO, "x", FIELDS(LOG_L("l", items, 5)));
    assert_non_null(strstr(text, " l=[a,\"b c\",\"d,e\",\"f]\",\"\"]\n"));
    assert_non_null(strstr(line(LOG_JSON, LOG_INFO, "x", FIELDS(LOG_L("l", items, 2))),
                           "\"l\":[\"a\",\"b c\"]}\n"));
    assert_non_null(strstr(line(LOG_CONSOLE, LOG_INFO, "x", FIELDS(LOG_L("l", items, 0))), "l=[]"));
    assert_non_null(strstr(line(LOG_JSON, LOG_INFO, "x", FIELDS(LOG_L("l", items, 0))), ":[]}"));
}

static void leaves_folded_lists_bare(UNUSED void **state) {
    const char *text = line(LOG_CONSOLE, LOG_INFO, "Out of 10, 3 servers failed.",
                            FIELDS(LOG_S("failed_servers", "[web[01-02],db1]")));
    assert_non_null(
        strstr(text, " Out of 10, 3 servers failed.   failed_servers=[web[01-02],db1]"));
}

static void an_event_breaks_no_line(UNUSED void **state) {
    const char *text = line(LOG_CONSOLE, LOG_INFO, "a \"b\"\n\\c\x1b[0m\xff", FIELDS());
    assert_string_equal(text + 32, "a \"b\"\\n\\\\c\\x1b[0m\\xff\n");
}

static size_t unescape(const char *p, char *out) {
    size_t n = 0;
    while (*p != '"') {
        if (*p != '\\') {
            out[n++] = *p++;
            continue;
        }
        unsigned byte;
        p += 2;
        switch (p[-1]) {
        case 'n':
            out[n++] = '\n';
            break;
        case 'r':
            out[n++] = '\r';
            break;
        case 't':
            out[n++] = '\t';
            break;
        case 'x':
            assert_int_equal(sscanf(p, "%2x", &byte), 1);
            out[n++] = (char)byte;
            p += 2;
            break;
        default:
            out[n++] = p[-1];
        }
    }
    return n;
}

static const char *const hostile[] = {
    "two words",
    "a\nb=c",
    "\x1b[2J\x1b]0;title\x07",
    "quote\" end",
    "back\\slash",
    "key=value",
    "",
    "\xff\xfe\xc0\x80 \xed\xa0\x80",
    "\xc2\x9b"
    "31m", /* C1 CSI */
    "\xe2\x80\xae"
    "desrever", /* right to left override */
    "\xe2\x80\xa8"
    "next line", /* U+2028 */
    "caf\xc3\xa9 \xf0\x9f\x98\x80 \x7f",
    "\r\t\x01\\n\\x41\"",
};

static void quoted_values_round_trip(UNUSED void **state) {
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        const struct log_field *fields = FIELDS(LOG_S("v", hostile[i]), LOG_I("last", 1));
        for (enum log_format f = LOG_CONSOLE; f <= LOG_LOGFMT; f++) {
            const char *text = line(f, LOG_INFO, "x", fields);
            size_t n = strlen(text);
            const char *value = strstr(text, " v=\"");
            if (!value)
                fail_msg("%zu is not quoted: %s", i, text);
            char back[200];
            size_t len = unescape(value + 4, back);
            assert_int_equal(len, strlen(hostile[i]));
            assert_memory_equal(back, hostile[i], len);
            assert_ptr_equal(strchr(text, '\n'), text + n - 1);
            for (const char *p = text; p < text + n - 1;) {
                size_t one = text_printable_length(p, (size_t)(text + n - p));
                assert_true(one > 0);
                p += one;
            }
        }
    }
}

static void json_is_valid_and_keeps_valid_text(UNUSED void **state) {
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        const char *text = line(LOG_JSON, LOG_INFO, hostile[i], FIELDS(LOG_S("v", hostile[i])));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        const char *value = json_string_value(json_object_get(root, "v"));
        if (text_is_utf8(hostile[i], strlen(hostile[i])))
            assert_string_equal(value, hostile[i]);
        else
            assert_non_null(strstr(value, "\xef\xbf\xbd"));
        assert_string_equal(json_string_value(json_object_get(root, "event")), value);
        json_decref(root);
    }
}

static void a_bad_key_breaks_no_line(UNUSED void **state) {
    assert_non_null(
        strstr(line(LOG_LOGFMT, LOG_INFO, "x", FIELDS(LOG_I("a b\n", 1))), " \"a b\\n\"=1\n"));
    assert_non_null(
        strstr(line(LOG_JSON, LOG_INFO, "x", FIELDS(LOG_I("a\n", 1))), "\"a\\u000a\":1}"));
}

static void numbers_are_those_of_printf(UNUSED void **state) {
    static const double some[] = {0,         -0.0,      1,          49,         1.02,    0.5,
                                  -0.25,     99999.95,  999999,     999999.4,   1e6,     123456.5,
                                  1234567,   0.0001,    9.99999e-5, 0.00012345, 2.5e-3,  1e300,
                                  1e-300,    3.0000005, 9.9999995,  0.1 + 0.2,  100,     0.999999,
                                  0.9999996, 1.0000004, 123.4565,   2.00005e-4, 12345.25};
    struct str out = {0};
    char expected[64];
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < 300000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        double number = i < ARRAY_LEN(some) ? some[i]
                        : i % 3 == 0        ? ldexp((double)(x >> 11), (int)(x % 64) - 80)
                        : i % 3 == 1        ? (double)(int64_t)(x % 20000001 - 10000000) / 1000
                                            : (double)(x % 1000000) / 1e6 * (double)(1 << x % 24);
        str_clear(&out);
        format_number(&out, number);
        snprintf(expected, sizeof(expected), "%.6g", number);
        assert_string_equal(out.data, expected);
    }
    str_done(&out);
}

static void json_has_no_word_for_what_is_no_number(UNUSED void **state) {
    const struct log_field *fields = FIELDS(LOG_F("a", NAN), LOG_F("b", -INFINITY));
    assert_non_null(strstr(line(LOG_JSON, LOG_INFO, "x", fields), "\"a\":null,\"b\":null}"));
    assert_non_null(strstr(line(LOG_LOGFMT, LOG_INFO, "x", fields), " a=nan b=-inf\n"));
}

static void knows_the_names(UNUSED void **state) {
    enum log_format format;
    enum log_level level;
    assert_int_equal(log_format_parse("json", &format), 0);
    assert_int_equal(format, LOG_JSON);
    assert_int_equal(log_format_parse("JSON", &format), -1);
    assert_int_equal(log_format_parse("", &format), -1);
    for (enum log_level l = LOG_DEBUG; l <= LOG_ERROR; l++) {
        assert_int_equal(log_level_parse(log_level_name(l), &level), 0);
        assert_int_equal(level, l);
    }
    assert_int_equal(log_level_parse("fatal", &level), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console_is_the_form_operators_know),
        cmocka_unit_test(console_pads_characters_not_bytes),
        cmocka_unit_test(logfmt_and_json_carry_the_same),
        cmocka_unit_test(writes_lists),
        cmocka_unit_test(leaves_folded_lists_bare),
        cmocka_unit_test(an_event_breaks_no_line),
        cmocka_unit_test(quoted_values_round_trip),
        cmocka_unit_test(json_is_valid_and_keeps_valid_text),
        cmocka_unit_test(a_bad_key_breaks_no_line),
        cmocka_unit_test(numbers_are_those_of_printf),
        cmocka_unit_test(json_has_no_word_for_what_is_no_number),
        cmocka_unit_test(knows_the_names),
    };
    return cmocka_run_group_tests(tests, set_zone, NULL);
}
