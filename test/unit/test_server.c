/* What model/server promises. */
#include "model/server.h"
#include "test.h"

#include <string.h>

static void takes_names_apart(UNUSED void **state) {
    static const struct {
        const char *name, *user, *host;
        int port;
    } cases[] = {
        {"web1", NULL, "web1", 0},
        {"web-1.example.org", NULL, "web-1.example.org", 0},
        {"web1:2222", NULL, "web1", 2222},
        {"web1:65535", NULL, "web1", 65535},
        {"root@web1", "root", "web1", 0},
        {"root@web1:22", "root", "web1", 22},
        {"10.0.0.1:22", NULL, "10.0.0.1", 22},
        {"2001:db8::7", NULL, "2001:db8::7", 0},
        {"::1", NULL, "::1", 0},
        {"::ffff:10.0.0.1", NULL, "::ffff:10.0.0.1", 0},
        {"2001:db8::7:22", NULL, "2001:db8::7:22", 0},
        {"[2001:db8::7]:22", NULL, "2001:db8::7", 22},
        {"[2001:db8::7]", NULL, "2001:db8::7", 0},
        {"me@[fe80::1%eth0]:22", "me", "fe80::1%eth0", 22},
        {"me@corp@web1", "me@corp", "web1", 0},
        {"CORP\\me@web1", "CORP\\me", "web1", 0},
        {"gr\xc3\xbc\xc3\x9f", NULL, "gr\xc3\xbc\xc3\x9f", 0},
        {"1", NULL, "1", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server s;
        struct error err;
        if (server_parse(cases[i].name, &s, &err) != 0)
            fail_msg("%s: %s", cases[i].name, err.text);
        assert_string_equal(s.name, cases[i].name);
        assert_string_equal(s.host, cases[i].host);
        assert_int_equal(s.port, cases[i].port);
        if (cases[i].user)
            assert_string_equal(s.user, cases[i].user);
        else
            assert_null(s.user);
        assert_null(s.identity);
        server_done(&s);
    }
}

static void refuses_with_the_column(UNUSED void **state) {
    static const struct {
        const char *name;
        size_t column;
        const char *word;
    } cases[] = {
        {"", 1, "empty"},
        {"@web1", 1, "user"},
        {"root@", 6, "empty"},
        {":22", 1, "empty"},
        {"-oProxyCommand=x", 15, "character"},
        {"-web1", 1, "option"},
        {"root@-web1", 6, "option"},
        {"web 1", 4, "blank"},
        {"web\t1", 4, "blank"},
        {"web1\r", 5, "control"},
        {"web\x1b[31m", 4, "control"},
        {"web\x7f", 4, "control"},
        {"web\xc2\x9b", 4, "control"},
        {"web\xe2\x80\xae", 4, "control"},
        {"web\xff", 4, "UTF-8"},
        {"\xef\xbb\xbfweb", 1, "byte order mark"},
        {"web1:", 6, "port"},
        {"web1:0", 6, "port"},
        {"web1:99999", 6, "port"},
        {"web1:65536", 6, "port"},
        {"web1:184467440737095517", 6, "port"},
        {"web1:-2", 6, "port"},
        {"web1:2x", 6, "port"},
        {"web1:22:23", 1, "IPv6"},
        {"root@web1:22:23", 6, "IPv6"},
        {"[web1]:22", 2, "IPv6"},
        {"[]:22", 2, "IPv6"},
        {"[2001:db8::7", 1, "']'"},
        {"[2001:db8::7]22", 14, "':'"},
        {"[2001:db8::7]:", 15, "port"},
        {"[fe80::1%]:22", 2, "IPv6"},
        {"web[1]", 4, "character"},
        {"web]", 4, "character"},
        {"web\\1", 4, "character"},
        {"web*", 4, "character"},
        {"a/b", 2, "character"},
        {"a;b", 2, "character"},
        {"$(id)", 1, "character"},
        {"a,b", 2, "character"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server s = {0};
        struct error err = {0};
        size_t column = 0;
        if (server_parse(cases[i].name, &s, &err) == 0)
            fail_msg("'%s' was taken", cases[i].name);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_null(s.name);
        const char *mistake = server_mistake(cases[i].name, strlen(cases[i].name), &column);
        assert_non_null(mistake);
        if (column != cases[i].column || !strstr(mistake, cases[i].word))
            fail_msg("'%s': column %zu: %s", cases[i].name, column, mistake);
        assert_non_null(strstr(err.text, mistake));
    }
}

static void refuses_a_nul_byte(UNUSED void **state) {
    size_t column = 0;
    assert_non_null(server_mistake("web\0"
                                   "1",
                                   5, &column));
    assert_int_equal(column, 4);
}

static void bounds_the_length_of_a_part(UNUSED void **state) {
    char name[SERVER_PART_MAX + 2];
    size_t column = 0;
    memset(name, 'a', sizeof(name));
    assert_null(server_mistake(name, SERVER_PART_MAX, &column));
    assert_non_null(server_mistake(name, SERVER_PART_MAX + 1, &column));
    assert_int_equal(column, SERVER_PART_MAX + 1);
}

static void quotes_bad_names_printable(UNUSED void **state) {
    struct server s;
    struct error err;
    assert_int_equal(server_parse("a\x1b[2Jb", &s, &err), -1);
    assert_string_equal(err.text,
                        "'a\\x1b[2Jb', column 2: a control character cannot be part of a name");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_names_apart),          cmocka_unit_test(refuses_with_the_column),
        cmocka_unit_test(refuses_a_nul_byte),         cmocka_unit_test(bounds_the_length_of_a_part),
        cmocka_unit_test(quotes_bad_names_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
