/* What input/extract promises. */
#include "test.h"

#include "base/clock.h"
#include "base/text.h"
#include "input/extract.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct extract *regex(const char *pattern) {
    struct extract *e = NULL;
    struct error err = {0};
    if (extract_regex(pattern, &e, &err) < 0)
        fail_msg("%s", err.text);
    return e;
}

static struct extract *jq(const char *program) {
    struct extract *e = NULL;
    struct error err = {0};
    if (extract_jq(program, &e, &err) < 0)
        fail_msg("%s", err.text);
    return e;
}

/* The number, or a failed test that shows the sentence; frees the extract. */
static double number(struct extract *e, const char *output) {
    struct error err = {0};
    double n = 0;
    if (extract_number(e, output, strlen(output), &n, &err) < 0)
        fail_msg("%s", err.text);
    extract_free(e);
    return n;
}

static void refuses_bytes(struct extract *e, const char *output, size_t n, const char *sentence) {
    struct error err = {0};
    double number = 42;
    assert_int_equal(extract_number(e, output, n, &number, &err), -1);
    assert_int_equal(err.kind, ERROR_BAD_OUTPUT);
    assert_string_equal(err.text, sentence);
    assert_true(number == 42);
    extract_free(e);
}

static void refuses(struct extract *e, const char *output, const char *sentence) {
    refuses_bytes(e, output, strlen(output), sentence);
}

static void finds_the_first_group(UNUSED void **state) {
    assert_true(number(regex("([0-9.]+) requests per second"),
                       "GET: 1 error\nGET: 81234.50 requests per second, p50=0.3\n") == 81234.5);
    assert_true(number(regex("^total: (\\S+)$"), "x\r\ntotal: -1.5e3\r\ny\r\n") == -1500);
    assert_true(number(regex("(?<n>\\d+)(x)?"), "a12") == 12);
    assert_true(number(regex("b(\\d+)"), "b1 b2") == 1);
    assert_true(number(regex("(?<=a)(\\d)"), "\xff\xfe a7") == 7);
}

static void finds_a_number_far_into_the_output(UNUSED void **state) {
    size_t n = 1 << 20;
    char *output = malloc(n + 1);
    assert_non_null(output);
    memset(output, '.', n);
    for (size_t i = 99; i < n; i += 100)
        output[i] = '\n';
    memcpy(output + n - 8, "\nkey: 7\n", 8);
    output[n] = '\0';
    assert_true(number(regex("^key: (\\d)$"), output) == 7);
    free(output);
}

static void says_what_the_regex_did_not_find(UNUSED void **state) {
    refuses(regex("score (\\d+)"), "\n \n  foo bar \nbaz\n",
            "no number found by the regex 'score (\\d+)' in the output: first line 'foo bar'");
    refuses(regex("a(\\d)?"), "ab",
            "no number found by the regex 'a(\\d)?' in the output: "
            "first line 'ab'");
    refuses(regex("x=(\\S+)"), "x=1,000",
            "the regex 'x=(\\S+)' found '1,000', which is not a number: first line 'x=1,000'");
    refuses(regex("x=(\\S+)"), "x=1e999",
            "the regex 'x=(\\S+)' found '1e999', which is not a number: first line 'x=1e999'");
    refuses(regex("(\\d*)"), "x",
            "the regex '(\\d*)' found '', which is not a number: first line 'x'");
}

static void says_that_nothing_was_printed(UNUSED void **state) {
    refuses(regex("(\\d)"), "", "the command printed nothing");
    refuses(regex("(\\d)"), " \r\n\t", "the command printed nothing but blanks");
    refuses(jq("."), "", "the command printed nothing");
}

static void quotes_foreign_output_safely(UNUSED void **state) {
    refuses_bytes(regex("k=(\\d)"), "\x1b[2J\0\xff", 6,
                  "no number found by the regex 'k=(\\d)' in the output: "
                  "first line '\\x1b[2J\\x00\\xff'");
    char line[300];
    memset(line, 'a', sizeof(line));
    struct extract *e = regex("k=(\\d)");
    struct error err;
    double n;
    assert_int_equal(extract_number(e, line, sizeof(line), &n, &err), -1);
    const char *quoted = strstr(err.text, "line '") + 6;
    assert_int_equal(strlen(quoted), 81);
    assert_string_equal(quoted + 76, "a...'");
    extract_free(e);
}

static void gives_up_on_a_regex_that_backtracks(UNUSED void **state) {
    static const char *const patterns[] = {"(a+)+$", "((a|aa)+)+b", "^(?:(a*)*)*b"};
    size_t n = 1 << 20;
    char *output = malloc(n + 1);
    assert_non_null(output);
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        /* short lines, each of which stays below a limit of one start */
        size_t line = i == 1 ? 18 : n;
        for (size_t k = 0; k < n; k++)
            output[k] = k % line == line - 1 ? '\n' : 'a';
        output[n - 1] = 'c';
        output[n] = '\0';
        struct extract *e = regex(patterns[i]);
        struct error err = {0};
        double number;
        int64_t began = clock_now();
        assert_int_equal(extract_number(e, output, n, &number, &err), -1);
        assert_int_equal(err.kind, ERROR_BAD_OUTPUT);
        assert_non_null(strstr(err.text, "takes too long"));
        assert_true(clock_now() - began < 30 * CLOCK_S);
        extract_free(e);
    }
    free(output);
}

static void refuses_a_regex(UNUSED void **state) {
    static const struct {
        const char *pattern, *sentence;
    } cases[] = {
        {"(\\d+", "the regex '(\\d+': missing closing parenthesis at column 5"},
        {"\\d+", "the regex '\\d+' has no group: put the number in ( )"},
        {"(?:a)", "the regex '(?:a)' has no group: put the number in ( )"},
        {"", "the regex '' has no group: put the number in ( )"},
        {"(*UTF)(a)",
         "the regex '(*UTF)(a)': using UTF is disabled by the application at column 7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct extract *e;
        struct error err = {0};
        assert_int_equal(extract_regex(cases[i].pattern, &e, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_string_equal(err.text, cases[i].sentence);
    }
}

static void finds_by_jq(UNUSED void **state) {
    assert_true(number(jq(".jobs[0].read.iops"), "{\"jobs\":[{\"read\":{\"iops\":12.5}}]}") ==
                12.5);
    assert_true(number(jq("."), " 42 ") == 42);
    assert_true(number(jq(""), "42") == 42);
    assert_true(number(jq(".[]"), "[3,4]") == 3);
    assert_true(number(jq(".a # the a"), "{\"a\":1e3}\n{\"a\":2}\n") == 1000);
    assert_true(number(jq(".a|debug"), "{\"a\":1}") == 1);
    assert_true(number(jq(".s|tonumber"), "{\"s\":\"5\"}") == 5);
}

static void finds_json_after_other_lines(UNUSED void **state) {
    assert_true(number(jq(".a"), "fio: note\n[warning] x\n{\n \"a\": 7\n}\nbye\n") == 7);
    char noise[400] = "";
    for (int i = 0; i < 20; i++)
        strcat(noise, "[bad]\n");
    strcat(noise, "{\"a\":1}");
    struct extract *e = jq(".a");
    struct error err;
    double n;
    assert_int_equal(extract_number(e, noise, strlen(noise), &n, &err), -1);
    assert_int_equal(err.kind, ERROR_BAD_OUTPUT);
    extract_free(e);
}

static void says_what_jq_did_not_find(UNUSED void **state) {
    refuses(jq(".a"), "not json",
            "the output is not JSON (Invalid numeric literal at line 1, column 4): first line 'not "
            "json'");
    refuses(jq(".a"), "{\"a\":",
            "the output is not JSON (Unfinished JSON term at EOF at line 1, column 5): "
            "first line '{\"a\":'");
    refuses(jq(".a"), "{}", "the jq program '.a' gave null, not a number: first line '{}'");
    refuses(jq(".a"), "{\"a\":\"5\"}",
            "the jq program '.a' gave a string, not a number: first line '{\"a\":\"5\"}'");
    refuses(jq("."), "[1]", "the jq program '.' gave an array, not a number: first line '[1]'");
    refuses(jq(".a"), "5",
            "the jq program '.a' failed: Cannot index number with string \"a\": first line '5'");
    refuses(jq("error({x:1})"), "5",
            "the jq program 'error({x:1})' failed: {\"x\":1}: first line '5'");
    refuses(jq("empty"), "5", "the jq program 'empty' gave nothing: first line '5'");
    refuses(jq("halt"), "5", "the jq program 'halt' gave nothing: first line '5'");
    refuses(jq("infinite"), "5",
            "the jq program 'infinite' gave a number that is not finite: first line '5'");
    refuses(jq("."), "1e999",
            "the jq program '.' gave a number that is not finite: first line '1e999'");
    refuses(jq("."), "nan",
            "the jq program '.' gave a number that is not finite: first line 'nan'");
    refuses_bytes(jq("."), "\0\0", 2, "the output is not JSON: first line '\\x00\\x00'");
}

static void survives_the_traps_of_libjq(UNUSED void **state) {
    refuses(jq("input"), "5", "the jq program 'input' failed: break: first line '5'");
    char deep[4000];
    memset(deep, '[', sizeof(deep));
    struct extract *e = jq(".");
    struct error err;
    double n;
    assert_int_equal(extract_number(e, deep, sizeof(deep), &n, &err), -1);
    assert_non_null(strstr(err.text, "not JSON (Exceeds depth limit"));
    extract_free(e);
}

static void keeps_jq_from_standard_error(UNUSED void **state) {
    int pipefd[2];
    assert_int_equal(pipe(pipefd), 0);
    int saved = dup(STDERR_FILENO);
    dup2(pipefd[1], STDERR_FILENO);
    double n = number(jq(".a|stderr|debug"), "{\"a\":1}");
    struct extract *e;
    struct error err;
    int rc = extract_jq(".a |", &e, &err);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipefd[1]);
    char byte;
    ssize_t got = read(pipefd[0], &byte, 1);
    close(pipefd[0]);
    assert_true(n == 1);
    assert_int_equal(rc, -1);
    assert_int_equal(got, 0);
}

static void refuses_a_jq_program(UNUSED void **state) {
    static const struct {
        const char *program, *sentence;
    } cases[] = {
        {".a |", "the jq program '.a |': syntax error, unexpected $end"},
        {"foo", "the jq program 'foo': foo/0 is not defined"},
        {"$x", "the jq program '$x': $x is not defined"},
        {"import \"x\" as x; .",
         "the jq program 'import \"x\" as x; .': syntax error, unexpected import, expecting $end"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct extract *e;
        struct error err = {0};
        assert_int_equal(extract_jq(cases[i].program, &e, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_string_equal(err.text, cases[i].sentence);
    }
}

struct both {
    struct extract *regex, *jq;
};

static void *use_both(void *arg) {
    const struct both *both = arg;
    for (int i = 0; i < 200; i++) {
        struct error err;
        double a = 0;
        double b = 0;
        const char *bad = i % 2 ? "{}" : "[]";
        if (extract_number(both->regex, "n=5", 3, &a, &err) < 0 ||
            extract_number(both->jq, "{\"a\":6}", 7, &b, &err) < 0 || a != 5 || b != 6 ||
            extract_number(both->jq, bad, 2, &a, &err) == 0)
            return "a thread got it wrong";
    }
    return NULL;
}

static void is_shared_by_threads(UNUSED void **state) {
    struct both both = {regex("n=(\\d)"), jq(".a // \"none\"")};
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_both, &both), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        assert_null(complaint);
    }
    extract_free(both.regex);
    extract_free(both.jq);
    extract_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_group),
        cmocka_unit_test(finds_a_number_far_into_the_output),
        cmocka_unit_test(says_what_the_regex_did_not_find),
        cmocka_unit_test(says_that_nothing_was_printed),
        cmocka_unit_test(quotes_foreign_output_safely),
        cmocka_unit_test(gives_up_on_a_regex_that_backtracks),
        cmocka_unit_test(refuses_a_regex),
        cmocka_unit_test(finds_by_jq),
        cmocka_unit_test(finds_json_after_other_lines),
        cmocka_unit_test(says_what_jq_did_not_find),
        cmocka_unit_test(survives_the_traps_of_libjq),
        cmocka_unit_test(keeps_jq_from_standard_error),
        cmocka_unit_test(refuses_a_jq_program),
        cmocka_unit_test(is_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
