/* What input/nodeset and input/names promise. */
#include "base/clock.h"
#include "input/nodeset.h"
#include "model/server.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static void join(const struct names *n, struct str *out) {
    for (size_t i = 0; i < n->count; i++)
        str_addf(out, "%s%s", i ? " " : "", n->items[i]);
}

static void expand(const char *pattern, struct names *n) {
    struct error err;
    if (nodeset_expand(pattern, n, &err) != 0)
        fail_msg("%s: %s", pattern, err.text);
}

static void check_expand(const char *pattern, const char *want) {
    cleanup(names_done) struct names n = {0};
    cleanup(str_done) struct str got = {0};
    expand(pattern, &n);
    join(&n, &got);
    if (strcmp(got.data ? got.data : "", want) != 0)
        fail_msg("%s: %s, not %s", pattern, got.data, want);
}

static void expands_ranges(UNUSED void **state) {
    check_expand("web1", "web1");
    check_expand("ssh://me@web[1-2]:22,ssh://[::1]:22", "me@web1:22 me@web2:22 [::1]:22");
    check_expand("web[1-3]!ssh://web2", "web1 web3");
    check_expand("a[1-3]", "a1 a2 a3");
    check_expand("a[5-5]", "a5");
    check_expand("a[8-11]", "a8 a9 a10 a11");
    check_expand("a[1,3,7-8]b", "a1b a3b a7b a8b");
    check_expand("a[3,1]", "a3 a1");
    check_expand("a[1-2,1-3]", "a1 a2 a3");
    check_expand("[1-3]", "1 2 3");
    check_expand("a03[1-2]", "a031 a032");
    check_expand("a[1-2]03", "a103 a203");
    check_expand("10.0.0.[1-2]", "10.0.0.1 10.0.0.2");
}

static void keeps_padding(UNUSED void **state) {
    check_expand("a[08-11]", "a08 a09 a10 a11");
    check_expand("a[00-02]", "a00 a01 a02");
    check_expand("a[1,01,001]", "a1 a01 a001");
    check_expand("a[0-2]", "a0 a1 a2");
    check_expand("a[010]", "a010");
}

static void expands_steps(UNUSED void **state) {
    check_expand("a[0-10/5]", "a0 a5 a10");
    check_expand("a[01-10/3]", "a01 a04 a07 a10");
    check_expand("a[0-10/20]", "a0");
    check_expand("a[1-3/2,7]", "a1 a3 a7");
    check_expand("a[99999999999999998-99999999999999999/99999999999999999]", "a99999999999999998");
}

static void expands_several_brackets_the_last_fastest(UNUSED void **state) {
    check_expand("a[1-2]b[3-4]c", "a1b3c a1b4c a2b3c a2b4c");
    check_expand("r[1-2]-n[01,03]", "r1-n01 r1-n03 r2-n01 r2-n03");
    check_expand("a[1-2][1-2]", "a11 a12 a21 a22");
    check_expand("a[1-2]b[1-2,4]c[8-9]",
                 "a1b1c8 a1b1c9 a1b2c8 a1b2c9 a1b4c8 a1b4c9 a2b1c8 a2b1c9 a2b2c8 a2b2c9 a2b4c8 "
                 "a2b4c9");
}

static void applies_operators_from_left_to_right(UNUSED void **state) {
    check_expand("z1,a[1-2],z1,b", "z1 a1 a2 b");
    check_expand("a[1-5]!a3", "a1 a2 a4 a5");
    check_expand("a[1-5]!a3,b4", "a1 a2 a4 a5 b4");
    check_expand("a[1-3]!a2,a2", "a1 a3 a2");
    check_expand("a[1-2],b[1-3]!b2,c", "a1 a2 b1 b3 c");
    check_expand("a[1-5]&a[2-3],z", "a2 a3 z");
    check_expand("a[1-5]^a[4-7]", "a1 a2 a3 a6 a7");
    check_expand("a[1-9]!a[1-3]&a[2-5]^a[9-10]", "a4 a5 a9 a10");
    check_expand("a[1-3]!a[1-3]", "");
    check_expand("a!b", "a");
    check_expand("a[1-3]^a[1-3]^a2", "a2");
    check_expand("a[1-3]&b", "");
}

static void takes_users_ports_and_addresses(UNUSED void **state) {
    check_expand("me@web[1-2]:2222", "me@web1:2222 me@web2:2222");
    check_expand("web1:[22-23]", "web1:22 web1:23");
    check_expand("[2001:db8::7]:22", "[2001:db8::7]:22");
    check_expand("me@[2001:db8::7]:22,[::1]", "me@[2001:db8::7]:22 [::1]");
    check_expand("2001:db8::[1-2]", "2001:db8::1 2001:db8::2");
    check_expand("[2001:db8::7]:[22-23]", "[2001:db8::7]:22 [2001:db8::7]:23");
    check_expand("[1-2]:22", "1:22 2:22");
    check_expand("u[1-2]@[::1]", "u1@[::1] u2@[::1]");
}

static void adds_only_what_is_new(UNUSED void **state) {
    cleanup(names_done) struct names n = {0};
    cleanup(str_done) struct str got = {0};
    expand("a[1-2]", &n);
    expand("a[2-3]", &n);
    expand("a[1-5]!a[3-4]", &n);
    join(&n, &got);
    assert_string_equal(got.data, "a1 a2 a3 a5");
}

static void refuses_with_the_column(UNUSED void **state) {
    static const struct {
        const char *pattern;
        int column;
        const char *word;
    } cases[] = {
        {"", 1, "empty"},
        {"web[]", 4, "empty"},
        {"web[1", 4, "no ']'"},
        {"web1]", 5, "no '['"},
        {"web[1]]", 7, "no '['"},
        {"web[", 4, "no ']'"},
        {"web[1[2]]", 4, "no ']'"},
        {"web[9-1]", 5, "write 1-9"},
        {"web[10-09]", 5, "backwards"},
        {"web[1-99999999999]", 5, "10000000"},
        {"web[1-999999999999999999999]", 7, "17 digits"},
        {"web[1-5000000,1-5000001]", 15, "10000000"},
        {"a,web[1-5000]x[1-5000]", 3, "10000000"},
        {"web[1-5000000]!web[1-5000001]", 16, "10000000"},
        {"web[a]", 5, "number"},
        {"web[1-]", 7, "number"},
        {"web[-1]", 5, "number"},
        {"web[1-2-3]", 8, "range"},
        {"web[1,]", 7, "number"},
        {"web[,1]", 5, "number"},
        {"web[1,,2]", 7, "number"},
        {"web[1, 2]", 7, "blanks"},
        {"web[1 ]", 6, "range"},
        {"web[1/2]", 6, "range"},
        {"web[1-9/0]", 9, "step"},
        {"web[1-9/]", 9, "number"},
        {"web[0x1]", 6, "range"},
        {"web[1:3]", 6, "range"},
        {"web[01-100]", 5, "write 001-100"},
        {"web[1-010]", 5, "write 001-010"},
        {"web[0-02]", 5, "write 00-02"},
        {"a,,b", 3, "before this ','"},
        {",a", 1, "before this ','"},
        {"a,", 3, "after ','"},
        {"!a", 1, "before this '!'"},
        {"a!", 3, "after '!'"},
        {"a!&b", 3, "before this '&'"},
        {"web1 web2", 5, "blank"},
        {" web1", 1, "blank"},
        {"web[1-2] x", 9, "blank"},
        {"web\x1b[1-2]", 4, "control"},
        {"web\n", 4, "control"},
        {"-oProxyCommand", 1, "option"},
        {"web1,-v", 6, "option"},
        {"web!me@-v", 8, "option"},
        {"web1:0", 6, "port"},
        {"web[1-3]:99999", 10, "port"},
        {"web:[65530-70000]", 5, "'web:65536'"},
        {"2001:db8::[9998-10000]", 1, "'2001:db8::10000'"},
        {"[2001:db8::7", 1, "no ']'"},
        {"[2001:db8::7]22", 14, "':'"},
        {"[fe80:zz]:22", 2, "IPv6"},
        {"a,[fe80:[1-2]]:22", 9, "IPv6"},
        {"web*", 4, "character"},
        {"@all", 1, "user"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(names_done) struct names n = {0};
        struct error err = {0};
        char column[40];
        snprintf(column, sizeof(column), ", column %d: ", cases[i].column);
        expand("kept", &n);
        if (nodeset_expand(cases[i].pattern, &n, &err) == 0)
            fail_msg("'%s' was taken", cases[i].pattern);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (!strstr(err.text, column) || !strstr(err.text, cases[i].word))
            fail_msg("%s; wanted column %d and \"%s\"", err.text, cases[i].column, cases[i].word);
        assert_int_equal(n.count, 1);
        assert_true(names_has(&n, "kept"));
        assert_false(names_has(&n, "web1"));
    }
}

static void quotes_what_is_around_the_mistake(UNUSED void **state) {
    cleanup(str_done) struct str pattern = {0};
    cleanup(names_done) struct names n = {0};
    struct error err;
    for (int i = 0; i < 5000; i++)
        str_addf(&pattern, "web%d,", i);
    size_t column = pattern.len + 7;
    str_add(&pattern, "here\x1b[7-3],web");
    assert_int_equal(nodeset_expand(pattern.data, &n, &err), -1);
    char want[40];
    snprintf(want, sizeof(want), "column %zu: ", column);
    assert_non_null(strstr(err.text, "here\\x1b[7-3]"));
    assert_non_null(strstr(err.text, want));
    assert_int_equal(n.count, 0);
}

static void subtracts(UNUSED void **state) {
    cleanup(names_done) struct names n = {0}, what = {0};
    cleanup(str_done) struct str got = {0};
    expand("a[1-6]", &n);
    expand("a[2-3],b,a6", &what);
    names_subtract(&n, &what);
    join(&n, &got);
    assert_string_equal(got.data, "a1 a4 a5");
    assert_false(names_has(&n, "a2"));
    assert_true(names_has(&n, "a5"));
    assert_int_equal(names_add(&n, "a2", 2), 0);
    assert_string_equal(n.items[3], "a2");
}

/* Folds the names of a pattern, or of what blanks separate in it. */
static void check_fold(const char *names, const char *want) {
    cleanup(names_done) struct names n = {0};
    cleanup(str_done) struct str got = {0};
    cleanup(free_ptr) char *copy = strdup(names);
    char *rest = NULL;
    for (char *p = strtok_r(copy, " ", &rest); p; p = strtok_r(NULL, " ", &rest))
        expand(p, &n);
    nodeset_fold((const char *const *)n.items, n.count, &got);
    if (strcmp(got.data ? got.data : "", want) != 0)
        fail_msg("%s: %s, not %s", names, got.data, want);
}

static void folds_one_dimension(UNUSED void **state) {
    check_fold("", "");
    check_fold("web", "web");
    check_fold("web7", "web7");
    check_fold("web[01-40,42]", "web[01-40,42]");
    check_fold("web2 web1 web3", "web[1-3]");
    check_fold("web[8-12]", "web[8-12]");
    check_fold("web[98-101]", "web[98-101]");
    check_fold("[1-10]", "[1-10]");
    check_fold("z2 a1 z1 b", "z[1-2],a1,b");
    check_fold("web1a web2a web1b", "web[1-2]a,web1b");
    check_fold("a[1,3,5]", "a[1,3,5]");
}

static void keeps_padding_apart(UNUSED void **state) {
    check_fold("web9 web10 web09", "web[9,09-10]");
    check_fold("foo[9,10,08,0,00]", "foo[0,9,00,08,10]");
    check_fold("web[098-099] web[100-101]", "web[098-101]");
    check_fold("web[08-09] web[98-99] web[100-101]", "web[08-09,98-101]");
    check_fold("web[01-99] web[100-101]", "web[01-99,100-101]");
    check_fold("a1 a01 a001", "a[1,01,001]");
}

static void folds_several_dimensions(UNUSED void **state) {
    check_fold("rack[1-4]-node[01-16]", "rack[1-4]-node[01-16]");
    check_fold("a[1-3]b[1-2],a[1-2]b3", "a[1-2]b[1-3],a3b[1-2]");
    check_fold("a[1-4]b[1-4]!a2b2", "a[1,3-4]b[1-4],a2b[1,3-4]");
    check_fold("a1b2 a1b3 a2b2", "a1b[2-3],a2b2");
    check_fold("rack1-node[1-2]", "rack1-node[1-2]");
    check_fold("10.0.[0-1].[1-3]", "10.0.[0-1].[1-3]");
    check_fold("a[1-3]b[1-3]c[1-3]d[1-3]", "a[1-3]b[1-3]c[1-3]d[1-3]");
    /* by columns there are two boxes, by rows three */
    check_fold("a[1-2]b1 a[2-3]b2", "a[1-2]b1,a[2-3]b2");
}

static void folds_hosts_only(UNUSED void **state) {
    check_fold("u1@web[1-2]:22", "u1@web[1-2]:22");
    check_fold("web1:22 web1:23 web2:22", "web[1-2]:22,web1:23");
    check_fold("[2001:db8::7]:22 [2001:db8::8]:22", "[2001:db8::7]:22,[2001:db8::8]:22");
    check_fold("2001:db8::1 2001:db8::2 me@[::1]", "2001:db8::1,2001:db8::2,me@[::1]");
    check_fold("a123456789012345678 a2", "a123456789012345678,a2");
}

static void folds_repeated_and_odd_names(UNUSED void **state) {
    static const char *const names[] = {"b", "a2b1", "a1b1", "a2b1", "b", "x\x01y", "x7y", ""};
    cleanup(str_done) struct str got = {0};
    nodeset_fold(names, ARRAY_LEN(names), &got);
    assert_string_equal(got.data, "b,a[1-2]b1,x\x01y,x7y,");
}

/* Whether both hold the same names, in whatever order. */
static bool same_set(const struct names *a, const struct names *b) {
    for (size_t i = 0; i < a->count; i++)
        if (!names_has(b, a->items[i]))
            return false;
    return a->count == b->count;
}

static unsigned draw(uint64_t *seed, unsigned below) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*seed >> 33) % below;
}

static void add_random_name(uint64_t *seed, struct names *n) {
    static const char *const words[] = {"a", "b-", ".x", "node", "_"};
    cleanup(str_done) struct str name = {0};
    str_add(&name, draw(seed, 4) ? "" : draw(seed, 2) ? "u1@" : "u02@");
    int parts = 1 + (int)draw(seed, 3);
    for (int i = 0; i < parts; i++) {
        str_add(&name, i == 0 && draw(seed, 5) == 0 ? "" : words[draw(seed, 2 + draw(seed, 4))]);
        str_addf(&name, "%0*u", 1 + (int)draw(seed, 3), draw(seed, draw(seed, 2) ? 4 : 120));
    }
    str_add(&name, draw(seed, 6) ? "" : ":22");
    assert_int_equal(names_add(n, name.data, name.len), 0);
}

static void expanding_what_was_folded_gives_the_same_set(UNUSED void **state) {
    for (uint64_t round = 0; round < 1500; round++) {
        uint64_t seed = round;
        cleanup(names_done) struct names n = {0}, back = {0};
        cleanup(str_done) struct str folded = {0};
        unsigned count = 1 + draw(&seed, round % 10 ? 60 : 1500);
        for (unsigned i = 0; i < count; i++)
            add_random_name(&seed, &n);
        nodeset_fold((const char *const *)n.items, n.count, &folded);
        expand(folded.data, &back);
        if (!same_set(&n, &back))
            fail_msg("round %d: %s", (int)round, folded.data);
    }
}

static void a_million_names_take_less_than_a_second(UNUSED void **state) {
    cleanup(names_done) struct names n = {0};
    cleanup(str_done) struct str folded = {0};
    int64_t start = clock_now();
    expand("rack[1-1000]-node[0001-1000]", &n);
    int64_t expanded = clock_now();
    assert_int_equal(n.count, 1000000);
    assert_string_equal(n.items[999999], "rack1000-node1000");
    nodeset_fold((const char *const *)n.items, n.count, &folded);
    int64_t end = clock_now();
    assert_string_equal(folded.data, "rack[1-1000]-node[0001-1000]");
    print_message("expanded in %lld ms, folded in %lld ms\n",
                  (long long)((expanded - start) / CLOCK_MS),
                  (long long)((end - expanded) / CLOCK_MS));
}

/* Were each exclusion a pass over the set, this would take minutes. */
static void many_exclusions_of_many_names_are_linear(UNUSED void **state) {
    cleanup(str_done) struct str pattern = {0};
    cleanup(names_done) struct names n = {0};
    str_add(&pattern, "web[1-100000]");
    for (int i = 1; i <= 10000; i++)
        str_addf(&pattern, "!web%d", i * 10);
    expand(pattern.data, &n);
    assert_int_equal(n.count, 90000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_ranges),
        cmocka_unit_test(keeps_padding),
        cmocka_unit_test(expands_steps),
        cmocka_unit_test(expands_several_brackets_the_last_fastest),
        cmocka_unit_test(applies_operators_from_left_to_right),
        cmocka_unit_test(takes_users_ports_and_addresses),
        cmocka_unit_test(adds_only_what_is_new),
        cmocka_unit_test(refuses_with_the_column),
        cmocka_unit_test(quotes_what_is_around_the_mistake),
        cmocka_unit_test(subtracts),
        cmocka_unit_test(folds_one_dimension),
        cmocka_unit_test(keeps_padding_apart),
        cmocka_unit_test(folds_several_dimensions),
        cmocka_unit_test(folds_hosts_only),
        cmocka_unit_test(folds_repeated_and_odd_names),
        cmocka_unit_test(expanding_what_was_folded_gives_the_same_set),
        cmocka_unit_test(a_million_names_take_less_than_a_second),
        cmocka_unit_test(many_exclusions_of_many_names_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
