/* What wire/value.h promises; jansson says what is JSON, in the same strictness. */
#include "base/str.h"
#include "test.h"
#include "wire/value.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static bool reads(const char *line, size_t n) {
    char *copy = malloc(n + 1); /* to its size, so that a sanitizer sees a step beyond */
    struct values v;
    struct error err = {0};
    assert_non_null(copy);
    memcpy(copy, line, n);
    copy[n] = '\0';
    int rc = values_read(copy, n, &v, &err);
    if (rc == 0)
        values_done(&v);
    else
        assert_int_equal(err.kind, ERROR_BAD_OUTPUT);
    free(copy);
    return rc == 0;
}

static void agrees(const char *line, size_t n) {
    if (memchr(line, '\0', n)) { /* jansson passes over one after a number */
        assert_false(reads(line, n));
        return;
    }
    json_t *theirs = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    bool ours = reads(line, n);
    if (ours != (theirs != NULL))
        fail_msg("%s: %.*s", ours ? "read" : "refused", (int)n, line);
    json_decref(theirs);
}

static const char *const lines[] = {
    "",
    " ",
    "0",
    "-0",
    "00",
    "-",
    "01",
    "1.",
    ".5",
    "1.5",
    "+1",
    "1e",
    "1e5",
    "1E+5",
    "-1.5e-5",
    "1e999",
    "-1e999",
    "1e-999",
    "0x10",
    "Infinity",
    "NaN",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "tru",
    "true",
    "truex",
    "false",
    "null",
    "nul",
    "\"\"",
    "\"a",
    "\"\\",
    "\"\\\"\"",
    "\"\\\"",
    "\"\\/\\b\\f\\n\\r\\t\\\\\"",
    "\"\\x\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u0041\"",
    "\"\\u0000\"",
    "\"a\\u00e9\\u20ac\\ud83d\\ude00z\"",
    "\"\\ud83d\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ude00\"",
    "\"\t\"",
    "\"\x7f\"",
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "\"\xc3\"",
    "\"\xc3",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xff\"",
    "[]",
    "[ ]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,[2,[3]],{}]",
    "[1",
    "]",
    "{}",
    " { } ",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,\"b\":{\"a\":1}}",
    "{\"a\":1,\"a\":1}",
    "{\"a\":[{\"b\":1}],\"b\":2,\"a\":3}",
    "{\"a\":1,\"\\u0061\":1}",
    "{\"\":1}",
    "{\"a\":1}}",
    "{\"a\" :\t1 , \"b\":\r[ true,\nnull ] }",
};

static void agrees_on_what_is_json(UNUSED void **state) {
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        agrees(lines[i], strlen(lines[i]));
    agrees("[1]\0", 4);
    agrees("\"a\0b\"", 5);
}

/* Each line cut, and each byte of it replaced by what means something. */
static void agrees_on_broken_lines(UNUSED void **state) {
    static const char with[] = {0,   '"', '{', '}', '[',  ']',        ',', ':', '0',
                                '9', 'e', '-', '.', '\\', (char)0xff, 'u', ' ', '\n'};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        size_t n = strlen(lines[i]);
        for (size_t cut = 0; cut < n; cut++)
            agrees(lines[i], cut);
        for (size_t at = 0; at < n; at++)
            for (size_t j = 0; j < sizeof(with); j++) {
                char broken[64];
                assert_true(n < sizeof(broken));
                memcpy(broken, lines[i], n);
                broken[at] = with[j];
                agrees(broken, n);
            }
    }
}

static void gives_what_was_read(UNUSED void **state) {
    char line[] =
        "{\"i\":-12,\"l\":[1.5,\"\\ud83d\\ude00\\n\",[],{\"x\":true}],\"o\":{},\"n\":null}";
    struct values all;
    struct error err;
    assert_int_equal(values_read(line, sizeof(line) - 1, &all, &err), 0);
    const struct value *top = all.items;
    assert_int_equal(top->kind, VALUE_OBJECT);
    assert_int_equal(value_member(&all, top, "i")->integer, -12);
    assert_int_equal(value_member(&all, top, "n")->kind, VALUE_NULL);
    assert_null(value_member(&all, top, "x")); /* of another object */
    assert_null(value_member(&all, value_member(&all, top, "l"), "x"));
    assert_null(value_first(&all, value_member(&all, top, "o")));
    const struct value *list = value_member(&all, top, "l");
    const struct value *item = value_first(&all, list);
    assert_true(item->kind == VALUE_REAL && item->real == 1.5);
    item = value_next(&all, list, item);
    assert_string_equal(item->text, "\xf0\x9f\x98\x80\n");
    assert_int_equal(item->len, 5);
    item = value_next(&all, list, item);
    assert_int_equal(item->kind, VALUE_LIST);
    assert_null(value_first(&all, item));
    item = value_next(&all, list, item);
    assert_int_equal(value_member(&all, item, "x")->kind, VALUE_TRUE);
    assert_null(value_next(&all, list, item));
    values_done(&all);
}

static void add_times(struct str *out, const char *text, size_t times) {
    for (size_t i = 0; i < times; i++)
        str_add(out, text);
}

static void keeps_its_bounds(UNUSED void **state) {
    for (size_t over = 0; over < 2; over++) {
        struct str s = {0};
        add_times(&s, "[", VALUE_DEPTH_MAX + over);
        add_times(&s, "]", VALUE_DEPTH_MAX + over);
        assert_int_equal(reads(s.data, s.len), !over);
        str_clear(&s);
        for (size_t i = 0; i < VALUE_MEMBERS_MAX + over; i++)
            str_addf(&s, "%c\"%zu\":0", i ? ',' : '{', i);
        str_add_char(&s, '}');
        assert_int_equal(reads(s.data, s.len), !over);
        str_done(&s);
    }
    struct str many = {0};
    add_times(&many, "[", 1000000);
    assert_false(reads(many.data, many.len));
    str_clear(&many);
    str_add(&many, "[0");
    add_times(&many, ",0", 500000);
    str_add_char(&many, ']');
    assert_true(reads(many.data, many.len));
    str_done(&many);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_what_is_json),
        cmocka_unit_test(agrees_on_broken_lines),
        cmocka_unit_test(gives_what_was_read),
        cmocka_unit_test(keeps_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
