/* What model/labels promises. */
#include "test.h"

#include "model/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set(char **labels, const char *word) {
    struct label l;
    size_t at;
    const char *mistake = label_parse(word, strlen(word), &l, &at);
    if (mistake)
        fail_msg("%s: %s", word, mistake);
    return labels_set(labels, &l);
}

static void keep_the_order_of_their_keys(UNUSED void **state) {
    char *labels = NULL;
    static const char *const words[] = {"rack=12", "pdu=3", "rack-a=x", "a=1", "rack=13"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        assert_int_equal(set(&labels, words[i]), 0);
    assert_string_equal(labels, "{\"a\":\"1\",\"pdu\":\"3\",\"rack\":\"13\",\"rack-a\":\"x\"}");
    cleanup(str_done) struct str out = {0};
    labels_add_words(&out, labels);
    assert_string_equal(out.data, "a=1 pdu=3 rack=13 rack-a=x");
    free(labels);
}

static void are_found_by_their_whole_key(UNUSED void **state) {
    static const char labels[] = "{\"a\":\"rack\",\"b\":\"x:y\",\"rack\":\"12\"}";
    struct label l;
    assert_true(labels_find(labels, "rack", &l));
    assert_int_equal(l.value_len, 2);
    assert_memory_equal(l.value, "12", 2);
    assert_false(labels_find(labels, "rac", &l));
    assert_false(labels_find(labels, "x", &l));
    assert_false(labels_find(NULL, "rack", &l));
}

static void the_later_ones_count(UNUSED void **state) {
    char *into = NULL;
    assert_int_equal(labels_take(&into, NULL), 0);
    assert_null(into);
    assert_int_equal(labels_take(&into, "{\"a\":\"1\",\"b\":\"2\"}"), 0);
    assert_int_equal(labels_take(&into, "{\"b\":\"3\",\"c\":\"4\"}"), 0);
    assert_string_equal(into, "{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}");
    free(into);
}

static void are_not_too_many(UNUSED void **state) {
    char *labels = NULL, word[20];
    for (int i = 0; i < LABELS_MAX; i++) {
        snprintf(word, sizeof(word), "k%d=v", i);
        assert_int_equal(set(&labels, word), 0);
    }
    assert_int_equal(set(&labels, "k7=w"), 0);
    assert_int_equal(set(&labels, "x=1"), 1);
    struct label l;
    assert_false(labels_find(labels, "x", &l));
    free(labels);
}

/* Another program may have written into the store. */
static void what_is_none_ends_them(UNUSED void **state) {
    static const char *const texts[] = {"",
                                        "{",
                                        "{}",
                                        "[1]",
                                        "{\"a\"",
                                        "{\"a\":1}",
                                        "{\"a\":\"b",
                                        ",",
                                        "{\"\":\"b\"}",
                                        "{\"a\":\"\"}",
                                        "{\"a\":\"b c\"}",
                                        "\"a\":\"b\"",
                                        "{\"1\":\"b\"}",
                                        "{ \"a\":\"b\"}"};
    struct label l;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *at = texts[i];
        if (labels_next(&at, &l))
            fail_msg("there is a label in: %s", texts[i]);
    }
}

static void mistakes_have_their_place(UNUSED void **state) {
    static const struct {
        const char *word;
        const char *mistake; /* a part of it */
        size_t at;
    } cases[] = {
        {"rack", "key=value", 0},           {"=1", "key of a label is missing", 0},
        {"r=", "value of a label is", 2},   {"9=1", "begins with a letter", 0},
        {"a-=1", "ends with a letter", 0},  {"r k=1", "letters, digits", 0},
        {"a=b\\", "no blanks", 2},          {"a=\x01", "printable", 2},
        {"a=\xff", "printable", 2},         {"kind=x", "no label", 0},
        {"ansible_host=x", "variables", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct label l;
        size_t at;
        const char *mistake = label_parse(cases[i].word, strlen(cases[i].word), &l, &at);
        if (!mistake || !strstr(mistake, cases[i].mistake) || at != cases[i].at)
            fail_msg("of %s came %s at %zu", cases[i].word, mistake ? mistake : "nothing", at);
    }
    char longest[2 * LABEL_MAX + 3];
    struct label l;
    size_t at;
    memset(longest, 'a', sizeof(longest));
    longest[LABEL_MAX] = '=';
    assert_null(label_parse(longest, 2 * LABEL_MAX + 1, &l, &at));
    assert_non_null(label_parse(longest, 2 * LABEL_MAX + 2, &l, &at));
    assert_int_equal(at, LABEL_MAX + 1);
}

static void the_last_limit_counts(UNUSED void **state) {
    struct label_limits limits = {0};
    assert_int_equal(label_limits_set(&limits, "rack", 4), 0);
    assert_int_equal(label_limits_set(&limits, "pdu", 8), 0);
    assert_int_equal(label_limits_set(&limits, "rack", 2), 0);
    assert_int_equal(limits.count, 2);
    assert_string_equal(limits.items[0].key, "rack");
    assert_int_equal(limits.items[0].most, 2);
    label_limits_done(&limits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_the_order_of_their_keys),
        cmocka_unit_test(are_found_by_their_whole_key),
        cmocka_unit_test(the_later_ones_count),
        cmocka_unit_test(are_not_too_many),
        cmocka_unit_test(what_is_none_ends_them),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(the_last_limit_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
