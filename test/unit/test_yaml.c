/* What input/yaml promises. */
#include "test.h"

#include "base/clock.h"
#include "input/yaml.h"

#include <stdlib.h>
#include <string.h>

static struct yaml read_bytes(const char *text, size_t n) {
    struct yaml y = {0};
    struct mistakes m = {0};
    struct error err = {0};
    if (yaml_read(text, n, &y, &m, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(m.count, 0);
    mistakes_done(&m);
    return y;
}

static struct yaml read_text(const char *text) {
    return read_bytes(text, strlen(text));
}

/* Reads a text with mistakes, which are printed as `lines`; says whether there is a tree. */
static bool has_mistakes(const char *text, size_t n, const char *lines) {
    struct yaml y = {0};
    struct mistakes m = {0};
    struct error err = {0};
    struct str out = {0};
    int rc = yaml_read(text, n, &y, &m, &err);
    if (rc < 0)
        assert_int_equal(err.kind, ERROR_USAGE);
    mistakes_print(&m, "f", 100, &out);
    assert_string_equal(out.data ? out.data : "", lines);
    str_done(&out);
    mistakes_done(&m);
    yaml_done(&y);
    return rc == 0;
}

static void refuses(const char *text, const char *lines) {
    assert_false(has_mistakes(text, strlen(text), lines));
}

static void types_scalars(UNUSED void **state) {
    static const struct {
        const char *text;
        enum yaml_kind kind;
        double number;
    } cases[] = {
        {"", YAML_NOTHING, 0},          {"~", YAML_NOTHING, 0},         {"null", YAML_NOTHING, 0},
        {"true", YAML_BOOLEAN, 1},      {"FALSE", YAML_BOOLEAN, 0},     {"yes", YAML_TEXT, 0},
        {"12", YAML_NUMBER, 12},        {"-1.5e3", YAML_NUMBER, -1500}, {"010", YAML_NUMBER, 10},
        {"0x10", YAML_TEXT, 0},         {".inf", YAML_TEXT, 0},         {"1_000", YAML_TEXT, 0},
        {"'12'", YAML_TEXT, 0},         {"\"\"", YAML_TEXT, 0},         {"!!str 12", YAML_TEXT, 0},
        {"! 12", YAML_TEXT, 0},         {"|\n  12\n", YAML_TEXT, 0},    {"[]", YAML_LIST, 0},
        {"{}", YAML_MAPPING, 0},        {"1:30", YAML_TEXT, 0},         {"# x\n", YAML_NOTHING, 0},
        {"---\n...\n", YAML_NOTHING, 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yaml y = read_text(cases[i].text);
        if (y.root->kind != cases[i].kind)
            fail_msg("'%s' is of kind %d", cases[i].text, y.root->kind);
        if (y.root->kind == YAML_NUMBER)
            assert_true(y.root->number == cases[i].number);
        if (y.root->kind == YAML_BOOLEAN)
            assert_int_equal(y.root->boolean, cases[i].number == 1);
        yaml_done(&y);
    }
}

static void builds_a_tree_with_places(UNUSED void **state) {
    struct yaml y = read_text("a: 1\nb:\n  - x\n  - {c: 'd e'}\n");
    const struct yaml_node *root = y.root;
    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->count, 2);
    assert_string_equal(root->keys[1]->text, "b");
    const struct yaml_node *list = root->items[1];
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->line, 3);
    assert_int_equal(list->column, 3);
    const struct yaml_node *d = list->items[1]->items[0];
    assert_string_equal(d->text, "d e");
    assert_int_equal(d->line, 4);
    assert_int_equal(d->column, 9);
    yaml_done(&y);
}

static void follows_aliases(UNUSED void **state) {
    struct yaml y = read_text("a: &x {k: 1}\nb: *x\nc: &x 2\nd: *x\n");
    assert_ptr_equal(y.root->items[1], y.root->items[0]);
    assert_true(y.root->items[3]->number == 2);
    yaml_done(&y);
    refuses("a: *x\n", "f:1:4: this alias names no anchor that stands before it\n");
    refuses("a: &x [*x]\n", "f:1:8: this alias stands inside what it names\n");
}

static void bounds_aliases_to_aliases(UNUSED void **state) {
    struct str s = {0};
    str_add(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        str_addf(&s, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            str_addf(&s, "%s*a%d", k ? ", " : "", i - 1);
        str_add(&s, "]\n");
    }
    refuses(s.data, "f:6:25: too large: aliases, counted as what they stand for, included\n");
    str_clear(&s);
    str_add(&s, "- &a0 []\n");
    for (int i = 1; i < 40; i++)
        str_addf(&s, "- &a%d [*a%d]\n", i, i - 1);
    refuses(s.data, "f:32:3: nested too deeply\n");
    str_done(&s);
}

static void bounds_depth_and_size(UNUSED void **state) {
    static const char too_large[] =
        "f:%d:3: too large: aliases, counted as what they stand for, included\n";
    size_t n = 4 * (YAML_NODES + 10);
    char *text = malloc(n + 1), expected[sizeof(too_large) + 10];
    assert_non_null(text);
    memset(text, '[', n);
    text[n] = '\0';
    int64_t began = clock_now();
    assert_false(has_mistakes(text, n, "f:1:33: nested too deeply\n"));
    for (size_t i = 0; i < n; i++)
        text[i] = "- a\n"[i % 4];
    text[n - 1] = '\n';
    snprintf(expected, sizeof(expected), too_large, YAML_NODES);
    assert_false(has_mistakes(text, n, expected));
    assert_true(clock_now() - began < 20 * CLOCK_S);
    free(text);
}

static void reports_keys_given_twice(UNUSED void **state) {
    static const char text[] = "a: 1\nb: {x: 1, x: 2}\n'a': 3\na: 4\n\"k\\ey\": 1\n\"k\\ey\": 2\n";
    assert_true(has_mistakes(text, sizeof(text) - 1,
                             "f:2:11: the key 'x' stands in line 2 already\n"
                             "f:3:1: the key 'a' stands in line 1 already\n"
                             "f:4:1: the key 'a' stands in line 1 already\n"
                             "f:6:1: the key 'k\\x1by' stands in line 5 already\n"));
}

static void reports_what_is_no_yaml(UNUSED void **state) {
    refuses("a: [1\nb: 2\n", "f:2:2: not YAML: did not find expected ',' or ']', while parsing a "
                             "flow sequence that began in line 1\n");
    refuses("\ta: 1\n", "f:1:1: not YAML: found character that cannot start any token, while "
                        "scanning for the next token\n");
    refuses("a: 1\n---\nb: 2\n", "f:2:1: a second document begins here; only one is read\n");
    refuses("{[a]: 1}", "f:1:2: a key must be a word, not a list or a mapping\n");
    refuses("a: !vault x\n", "f:1:4: this tag is not known\n");
    refuses("a: \"x\\0y\"\n", "f:1:4: this text has a NUL in it\n");
}

static void reports_foreign_bytes(UNUSED void **state) {
    assert_false(has_mistakes("a: 1\nb\0", 7,
                              "f:2:2: not YAML: control characters are not allowed (0x00)\n"));
    assert_false(
        has_mistakes("a: \xff\n", 5, "f:1:4: not YAML: invalid leading UTF-8 octet (0xFF)\n"));
    static const char elf[] = "\x7f"
                              "ELF\2\1\1";
    assert_false(has_mistakes(elf, sizeof(elf) - 1,
                              "f:1:1: not YAML: control characters are not allowed (0x7F)\n"));
}

static void prints_mistakes_in_order_and_at_most(UNUSED void **state) {
    struct mistakes m = {0};
    struct str out = {0};
    mistakes_add(&m, 2, 1, "c");
    mistakes_add(&m, 1, 9, "b");
    mistakes_add(&m, 1, 2, "a");
    mistakes_add(&m, 1, 9, "b");
    assert_int_equal(mistakes_print(&m, "f\n", 2, &out), 3);
    assert_string_equal(out.data, "f\\n:1:2: a\nf\\n:1:9: b\nf\\n: and 1 more mistakes\n");
    str_done(&out);
    mistakes_done(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_scalars),
        cmocka_unit_test(builds_a_tree_with_places),
        cmocka_unit_test(follows_aliases),
        cmocka_unit_test(bounds_aliases_to_aliases),
        cmocka_unit_test(bounds_depth_and_size),
        cmocka_unit_test(reports_keys_given_twice),
        cmocka_unit_test(reports_what_is_no_yaml),
        cmocka_unit_test(reports_foreign_bytes),
        cmocka_unit_test(prints_mistakes_in_order_and_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
