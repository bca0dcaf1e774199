/* What an answer is kept in, and how addresses are decoded. */
#include "test.h"

#include "base/spool.h"
#include "serve/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Writes n bytes, some at a time, and reads them back from wherever they are. */
static void keep(size_t n) {
    struct spool s;
    struct error err;
    assert_int_equal(spool_begin(&s, &err), 0);
    for (size_t i = 0; i < n; i++)
        fputc('a' + (char)(i % 23), s.out);
    assert_int_equal(spool_end(&s, &err), 0);
    assert_int_equal(s.size, n);
    assert_int_equal(s.fd >= 0, n > SPOOL_MEMORY);
    for (size_t at = 0; at < n;) {
        char some[4096];
        const char *from = s.memory.data ? s.memory.data + at : some;
        size_t len = n - at < sizeof(some) ? n - at : sizeof(some);
        if (s.fd >= 0)
            assert_int_equal(pread(s.fd, some, len, (off_t)at), len);
        for (size_t i = 0; i < len; i++)
            if (from[i] != 'a' + (char)((at + i) % 23))
                fail_msg("byte %zu of %zu is another", at + i, n);
        at += len;
    }
    spool_done(&s);
    spool_done(&s);
}

static void what_is_written_is_kept(UNUSED void **state) {
    keep(0);
    keep(1);
    keep(SPOOL_MEMORY);
    keep(SPOOL_MEMORY + 1);
    keep(5 * SPOOL_MEMORY);
}

static void what_is_kept_is_read_as_a_stream(UNUSED void **state) {
    for (size_t n = 0; n <= SPOOL_MEMORY + 1; n += SPOOL_MEMORY / 2 + 1) {
        struct spool s;
        struct error err;
        FILE *in;
        size_t count = 0;
        assert_int_equal(spool_begin(&s, &err), 0);
        for (size_t i = 0; i < n; i++)
            fputc('x', s.out);
        assert_int_equal(spool_end(&s, &err), 0);
        assert_int_equal(spool_read(&s, &in, &err), 0);
        spool_done(&s);
        while (getc(in) == 'x')
            count++;
        assert_true(feof(in));
        assert_int_equal(count, n);
        fclose(in);
    }
}

static void what_does_not_fit_on_disk_is_an_error(UNUSED void **state) {
    struct spool s;
    struct error err;
    assert_int_equal(spool_begin(&s, &err), 0);
    s.fd = open("/dev/full", O_WRONLY);
    assert_true(s.fd >= 0);
    fputs("x", s.out);
    assert_int_equal(spool_end(&s, &err), -1);
    assert_int_equal(err.os, ENOSPC);
    spool_done(&s);
}

static void addresses_are_decoded_once(UNUSED void **state) {
    const struct {
        const char *text;
        bool plus;
        const char *is; /* NULL: refused */
    } cases[] = {
        {"", false, ""},
        {"web01", false, "web01"},
        {"a%2Fb%2fc", false, "a/b/c"},
        {"%2541", false, "%41"},
        {"a+b", false, "a+b"},
        {"a+b%2B", true, "a b+"},
        {"%c3%a9", false, "\xc3\xa9"},
        {"\xc3\xa9", false, "\xc3\xa9"},
        {"%", false, NULL},
        {"%4", false, NULL},
        {"a%", false, NULL},
        {"%4g", false, NULL},
        {"%g4", false, NULL},
        {"%%41", false, NULL},
        {"%00", false, NULL},
        {"a%00b", false, NULL},
        {"%ff", false, NULL},
        {"%c3", false, NULL},
        {"%ed%a0%80", false, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *got = NULL;
        struct error err;
        int rc = request_decode(cases[i].text, strlen(cases[i].text), cases[i].plus, &got, &err);
        assert_int_equal(rc, cases[i].is ? 0 : -1);
        if (cases[i].is)
            assert_string_equal(got, cases[i].is);
        else
            assert_int_equal(err.kind, ERROR_USAGE);
        free(got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_kept),
        cmocka_unit_test(what_is_kept_is_read_as_a_stream),
        cmocka_unit_test(what_does_not_fit_on_disk_is_an_error),
        cmocka_unit_test(addresses_are_decoded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
