/* What input/hops promises; the cases are what `ssh -G -J` prints for them. */
#include "test.h"

#include "base/attr.h"
#include "input/hops.h"

#include <string.h>

static void same(const char *what, const char *a, const char *b) {
    if ((!a != !b) || (a && strcmp(a, b) != 0))
        fail_msg("%s: '%s', not '%s'", what, a ? a : "(null)", b ? b : "(null)");
}

static void reads_the_last_hop(UNUSED void **state) {
    static const struct {
        const char *list;
        struct hop hop;
    } cases[] = {
        {"h", {.host = "h"}},
        {"u@h:22", {.host = "h", .user = "u", .port = 22}},
        {"a@b@c:22", {.host = "c", .user = "a@b", .port = 22}},
        {"[::1]:2", {.host = "::1", .port = 2}},
        {"u@[fe80::1]", {.host = "fe80::1", .user = "u"}},
        {"h:", {.host = "h"}},
        {"u:p@h", {.host = "h", .user = "u:p"}},
        {"ssh://u@h:22/", {.host = "h", .user = "u", .port = 22}},
        {"ssh://h:", {.host = "h"}},
        {"ssh://a%20b@h", {.host = "h", .user = "a b"}},
        {"ssh://u;x=y@h", {.host = "h", .user = "u"}},
        {"a@b,ssh://c:1,d", {.host = "d", .before = "a@b,ssh://c:1"}},
        {"a,ssh://x/", {.host = "x", .before = "a"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hop h;
        struct error err;
        if (hop_last(cases[i].list, &h, &err) != 0)
            fail_msg("%s: %s", cases[i].list, err.text);
        same(cases[i].list, h.host, cases[i].hop.host);
        same(cases[i].list, h.user, cases[i].hop.user);
        same(cases[i].list, h.before, cases[i].hop.before);
        assert_int_equal(h.port, cases[i].hop.port);
        hop_done(&h);
    }
}

static void refuses_what_ssh_refuses(UNUSED void **state) {
    static const char *const cases[] = {
        "::1", "ssh://u@h:22/x", "h:0",  "h:70000", "h:22:23", "@h",        "u@", ",a", "a,",
        "-x",  "[::1:5",         "h:2x", "h:-2",    "",        "ssh://%4@h"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hop h;
        struct error err;
        if (hop_last(cases[i], &h, &err) == 0)
            fail_msg("'%s' was taken", cases[i]);
        assert_int_equal(err.kind, ERROR_UNREACHABLE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_last_hop),
        cmocka_unit_test(refuses_what_ssh_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
