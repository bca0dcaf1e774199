/* What base/text promises. */
#include "base/text.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_printable(const char *in, size_t n, size_t max, const char *want) {
    struct str out = {0};
    text_add_printable(&out, in, n, max);
    assert_string_equal(out.data ? out.data : "", want);
    str_done(&out);
}

static void escapes_what_a_terminal_would_obey(UNUSED void **state) {
    check_printable("a\x1b[31mb", 7, 100, "a\\x1b[31mb");
    check_printable("a\nb\r\tc", 6, 100, "a\\nb\\r\\tc");
    check_printable("\0x", 2, 100, "\\x00x");
    check_printable("\xc2\x9b", 2, 100, "\\xc2\\x9b");
    check_printable("\xe2\x80\xae", 3, 100, "\\xe2\\x80\\xae");
}

static void keeps_utf8_and_escapes_what_is_not(UNUSED void **state) {
    check_printable("gr\xc3\xbc\xc3\x9f", 6, 100, "gr\xc3\xbc\xc3\x9f");
    check_printable("\xff\xc3", 2, 100, "\\xff\\xc3");
    check_printable("\xed\xa0\x80", 3, 100, "\\xed\\xa0\\x80");
    check_printable("\xc0\x80", 2, 100, "\\xc0\\x80");
}

static void cuts_with_an_ellipsis(UNUSED void **state) {
    check_printable("abcdefghij", 10, 8, "abcde...");
    check_printable("abcdefgh", 8, 8, "abcdefgh");
    check_printable("abcdef\xc3\xbc"
                    "gh",
                    10, 8, "abcde...");
    check_printable("abcd\xc3\xbc"
                    "fgh",
                    9, 8, "abcd...");
    check_printable("ab\n\ncdefg", 9, 8, "ab\\n...");
    check_printable("abcdef\n\n", 8, 8, "abcde...");
    check_printable("\n\n\n\nabc", 7, 8, "\\n\\n...");
}

static void leaves_out_what_cannot_be_seen_at_the_end(UNUSED void **state) {
    assert_int_equal(text_length_trimmed(" a b \r\n\n\t", 9), 4);
    assert_int_equal(text_length_trimmed("\r\n", 2), 0);
    assert_int_equal(text_length_trimmed(NULL, 0), 0);
}

static void tells_valid_utf8(UNUSED void **state) {
    assert_true(text_is_utf8("", 0));
    assert_true(text_is_utf8("\xf0\x9f\x98\x80", 4));
    assert_false(text_is_utf8("\xf0\x9f\x98", 3));
    assert_false(text_is_utf8("\xf4\x90\x80\x80", 4));
}

static void writes_json_strings(UNUSED void **state) {
    struct str out = {0};
    text_add_json(&out, "a\"\\\n\xff", 5);
    assert_string_equal(out.data, "\"a\\\"\\\\\\u000a\\ufffd\"");
    str_clear(&out);
    static const char controls[] = "\x7f\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xc3\xa9";
    text_add_json(&out, controls, strlen(controls));
    assert_string_equal(out.data, "\"\\u007f\\u009b\\u2028\\u202e\xc3\xa9\"");
    str_done(&out);
}

static void number_is(double x, const char *want) {
    struct str out = {0};
    text_add_number(&out, x);
    assert_string_equal(out.data, want);
    str_done(&out);
}

static void writes_numbers_with_no_more_digits_than_they_need(UNUSED void **state) {
    number_is(0, "0");
    number_is(-0.0, "0");
    number_is(27.3, "27.3");
    number_is(-0.5, "-0.5");
    number_is(0.001, "0.001");
    number_is(-3, "-3");
    number_is(123456789.125, "123456789.125");
    number_is(9007199254740991.0, "9007199254740991");
    number_is(0.1 + 0.2, "0.30000000000000004");
    number_is(1e300, "1.0000000000000001e+300");
    number_is(1e-7, "0.0000001");
    number_is(5e-324, "4.9406564584124654e-324");
}

/* Whatever the number: of any size, and as agents round theirs. */
static void numbers_read_back_the_same(UNUSED void **state) {
    unsigned short dice[3] = {1, 2, 3};
    for (int i = 0; i < 200000; i++) {
        char rounded[32];
        struct str out = {0};
        double x = ldexp(erand48(dice) - 0.5, (int)(nrand48(dice) % 140) - 70);
        snprintf(rounded, sizeof(rounded), "%.*g", 1 + i % 17, x);
        x = strtod(rounded, NULL);
        text_add_number(&out, x);
        if (strtod(out.data, NULL) != x)
            fail_msg("%.17g was written as %s", x, out.data);
        str_done(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_a_terminal_would_obey),
        cmocka_unit_test(keeps_utf8_and_escapes_what_is_not),
        cmocka_unit_test(cuts_with_an_ellipsis),
        cmocka_unit_test(leaves_out_what_cannot_be_seen_at_the_end),
        cmocka_unit_test(tells_valid_utf8),
        cmocka_unit_test(writes_json_strings),
        cmocka_unit_test(writes_numbers_with_no_more_digits_than_they_need),
        cmocka_unit_test(numbers_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
