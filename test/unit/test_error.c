/* What base/error promises. */
#include "base/error.h"
#include "base/text.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Two bytes a character, an odd number of them before it: the end of the struct is within one. */
static void fill_with_umlauts(char *out, size_t size, size_t shift) {
    memset(out, 'x', shift);
    for (size_t i = shift; i + 2 < size; i += 2)
        memcpy(out + i, "\xc3\xbc", 3);
}

static void check_whole(const struct error *err) {
    size_t n = strlen(err->text);
    assert_true(n > sizeof(err->text) - 6 && n < sizeof(err->text));
    assert_true(text_is_utf8(err->text, n));
}

static void cuts_between_characters(UNUSED void **state) {
    for (size_t shift = 0; shift < 4; shift++) {
        char text[2000];
        struct error err;
        fill_with_umlauts(text, sizeof(text), shift);
        assert_int_equal(error_set(&err, ERROR_AUTH, "%s", text), -1);
        check_whole(&err);
        error_os(&err, ERROR_AUTH, ENOENT, "%s", text);
        check_whole(&err);
        error_set(&err, ERROR_AUTH, "%s", text);
        error_prefix(&err, "a");
        check_whole(&err);
        error_prefix(&err, "%s", text);
        check_whole(&err);
    }
}

static void leaves_what_fits_as_it_is(UNUSED void **state) {
    struct error err;
    error_set(&err, ERROR_AUTH, "gr\xc3\xbc\xc3\x9f");
    assert_string_equal(err.text, "gr\xc3\xbc\xc3\x9f");
    error_prefix(&err, "%s", "web\xc3\xbc");
    assert_string_equal(err.text, "web\xc3\xbc: gr\xc3\xbc\xc3\x9f");
    error_os(&err, ERROR_AUTH, ENOENT, "x");
    assert_string_equal(err.text, "x: No such file or directory");
    assert_int_equal(err.os, ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(leaves_what_fits_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
