/* What base/units promises. */
#include "base/clock.h"
#include "base/units.h"
#include "test.h"

#include <string.h>

static void reads_durations(UNUSED void **state) {
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {{"20ms", 20 * CLOCK_MS},
                 {"90s", 90 * CLOCK_S},
                 {"5m", 300 * CLOCK_S},
                 {"2h", 7200 * CLOCK_S},
                 {"90d", 90 * 24 * 3600 * CLOCK_S},
                 {"1.5s", 1500 * CLOCK_MS}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err;
        int64_t ns;
        assert_int_equal(duration_parse(cases[i].text, &ns, &err), 0);
        assert_int_equal(ns, cases[i].ns);
    }
}

static void refuses_what_is_no_duration(UNUSED void **state) {
    static const char *const bad[] = {"",     "s",   "10",    "-5s", "5 s",
                                      "1e3s", "0s",  "0.0ms", "5w",  ".5s",
                                      "5.s",  "inf", "nan",   "5sx", "999999999999h"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = {0};
        int64_t ns;
        if (duration_parse(bad[i], &ns, &err) == 0)
            fail_msg("'%s' was read as %lld ns", bad[i], (long long)ns);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

static void some_durations_may_be_zero(UNUSED void **state) {
    static const char *const zero[] = {"0", "0s", "00ms", "0.0h", "0.m"};
    static const char *const bad[] = {"", "s", "0w", ".0s", "0s ", "-0s", "10"};
    struct error err;
    int64_t ns = -1;
    for (size_t i = 0; i < ARRAY_LEN(zero); i++, ns = -1) {
        assert_int_equal(duration_parse_zero(zero[i], &ns, &err), 0);
        assert_int_equal(ns, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (duration_parse_zero(bad[i], &ns, &err) == 0)
            fail_msg("'%s' was read as %lld ns", bad[i], (long long)ns);
    assert_int_equal(duration_parse_zero("1.5s", &ns, &err), 0);
    assert_int_equal(ns, 1500 * CLOCK_MS);
}

static void says_that_a_unit_is_missing(UNUSED void **state) {
    struct error err;
    int64_t ns;
    assert_int_equal(duration_parse("10", &ns, &err), -1);
    assert_non_null(strstr(err.text, "no unit"));
}

static void writes_durations_that_read_back(UNUSED void **state) {
    static const char *const texts[] = {"20ms", "1.5s",     "90s",      "5m",      "2h",
                                        "100s", "1234567s", "99999.5s", "0.001ms", "0.000010ms"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error err;
        int64_t ns;
        char out[DURATION_TEXT];
        assert_int_equal(duration_parse(texts[i], &ns, &err), 0);
        duration_format(ns, out);
        assert_string_equal(out, texts[i]);
    }
}

static void writes_the_longest_duration(UNUSED void **state) {
    char out[DURATION_TEXT];
    duration_format(INT64_MAX, out);
    assert_string_equal(out, "9223372037s");
}

static void reads_sizes(UNUSED void **state) {
    struct error err;
    int64_t n;
    assert_int_equal(size_parse("1GiB", &n, &err), 0);
    assert_int_equal(n, INT64_C(1) << 30);
    assert_int_equal(size_parse("1.5kB", &n, &err), 0);
    assert_int_equal(n, 1500);
    assert_int_equal(size_parse("4096", &n, &err), 0);
    assert_int_equal(n, 4096);
    assert_int_equal(size_parse("1 GiB", &n, &err), -1);
    assert_int_equal(size_parse("1G", &n, &err), -1);
    assert_int_equal(size_parse("99999999TiB", &n, &err), -1);
}

static void reads_numbers(UNUSED void **state) {
    static const struct {
        const char *text;
        double number;
    } cases[] = {{"0", 0},      {"-12", -12},       {"+1.5", 1.5}, {".5", 0.5},  {"5.", 5},
                 {"1e3", 1000}, {"1.5E-3", 1.5e-3}, {"007", 7},    {"1e-999", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double n;
        assert_int_equal(number_parse(cases[i].text, strlen(cases[i].text), &n), 0);
        assert_true(n == cases[i].number);
    }
}

static void refuses_what_is_no_number(UNUSED void **state) {
    static const char *const bad[] = {"",    "-",     ".",    "+.e1", "1,000", " 1",    "1 ",
                                      "inf", "nan",   "0x10", "1e",   "1e+",   "1.2.3", "--1",
                                      "1_0", "1e999", "1\n",  "12a",  "NaN",   "-inf",  "1e1.5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        double n;
        if (number_parse(bad[i], strlen(bad[i]), &n) == 0)
            fail_msg("'%s' was read as %g", bad[i], n);
    }
    double n;
    assert_int_equal(number_parse("1\0002", 3, &n), -1);
    char digits[300];
    memset(digits, '1', sizeof(digits));
    assert_int_equal(number_parse(digits, sizeof(digits), &n), -1);
}

static void reads_shares(UNUSED void **state) {
    static const struct {
        const char *text;
        struct share share;
    } good[] = {{"0", {SHARE_COUNT, 0}},
                {"12", {SHARE_COUNT, 12}},
                {"0%", {SHARE_PERCENT, 0}},
                {"2.5%", {SHARE_PERCENT, 2.5}},
                {"100%", {SHARE_PERCENT, 100}}};
    static const char *const bad[] = {"",    "%",   "-1",   "1.5", "101%",
                                      "3 %", "3%%", "many", "1e3", "+3"};
    struct share share;
    struct error err;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char text[SHARE_TEXT];
        assert_int_equal(share_parse(good[i].text, &share, &err), 0);
        assert_true(share.kind == good[i].share.kind && share.number == good[i].share.number);
        share_format(share, text);
        assert_string_equal(text, good[i].text);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (share_parse(bad[i], &share, &err) == 0 || err.kind != ERROR_USAGE)
            fail_msg("'%s' was read", bad[i]);
}

static void a_share_is_exceeded_by_more_than_it(UNUSED void **state) {
    const struct share one = {SHARE_COUNT, 1}, none = {SHARE_COUNT, 0}, part = {SHARE_PERCENT, 30},
                       all = {SHARE_PERCENT, 100}, nothing = {SHARE_PERCENT, 0};
    assert_false(share_exceeded(one, 1, 6));
    assert_true(share_exceeded(one, 2, 6));
    assert_false(share_exceeded(none, 0, 6));
    assert_true(share_exceeded(none, 1, 6));
    assert_false(share_exceeded(part, 3, 10));
    assert_true(share_exceeded(part, 4, 10));
    assert_true(share_exceeded(part, 2, 6));
    assert_false(share_exceeded(all, 6, 6));
    assert_false(share_exceeded(nothing, 0, 6));
    assert_true(share_exceeded(nothing, 1, 1000000));
    assert_false(share_exceeded((struct share){SHARE_NONE, 0}, 6, 6));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(refuses_what_is_no_duration),
        cmocka_unit_test(some_durations_may_be_zero),
        cmocka_unit_test(says_that_a_unit_is_missing),
        cmocka_unit_test(writes_durations_that_read_back),
        cmocka_unit_test(writes_the_longest_duration),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(reads_shares),
        cmocka_unit_test(a_share_is_exceeded_by_more_than_it),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(refuses_what_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
