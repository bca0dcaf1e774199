/* What transport/command and transport/local promise. */
#include "test.h"

#include "base/clock.h"
#include "base/str.h"
#include "transport/command.h"
#include "transport/local.h"

#include <stdio.h>
#include <string.h>

static struct cancel *cancel;

static int set_up(UNUSED void **state) {
    struct error err;
    return cancel_new(&cancel, &err);
}

static int tear_down(UNUSED void **state) {
    cancel_free(cancel);
    return 0;
}

static const struct server web3 = {.name = (char *)"bench@web3:2222",
                                   .host = (char *)"10.0.0.3",
                                   .user = (char *)"bench",
                                   .port = 2222};

static int64_t soon(void) {
    return deadline_in(20 * CLOCK_S);
}

/* Runs `command` over the transport and compares its output; gives the transport back. */
static void expect_run(struct transport *t, const struct server *server, const char *command,
                       const char *expected) {
    struct error err = {0};
    struct session *s = NULL;
    cleanup(str_done) struct str out = {0};
    char buf[500];
    ssize_t n;
    int status;
    if (transport_open(t, server, soon(), &s, &err) != 0 ||
        session_start(s, command, soon(), &err) != 0)
        fail_msg("%s", err.text);
    while ((n = session_read(s, buf, sizeof(buf), soon(), &err)) > 0)
        str_add_bytes(&out, buf, (size_t)n);
    str_add(&out, "");
    assert_int_equal(n, 0);
    assert_int_equal(session_finish(s, soon(), &status, &err), 0);
    assert_int_equal(status, 0);
    session_close(s);
    transport_free(t);
    assert_string_equal(out.data, expected);
}

static void expect_words(const char *template, const struct server *server, const char *expected) {
    struct error err = {0};
    struct transport *t = NULL;
    if (transport_command_new(template, cancel, &t, &err) != 0)
        fail_msg("%s: %s", template, err.text);
    expect_run(t, server, "COMMAND", expected);
}

static void splits_words_as_a_shell_does(UNUSED void **state) {
    static const struct {
        const char *template;
        const char *words;
    } cases[] = {
        {"printf %s|", "COMMAND|"},
        {"  printf\t%s|  a  b ", "a|b|COMMAND|"},
        {"printf %s| 'a b' \"c d\" e\\ f", "a b|c d|e f|COMMAND|"},
        {"printf %s| a'b'\"c\"\\d", "abcd|COMMAND|"},
        {"printf %s| '' \"\"", "||COMMAND|"},
        {"printf %s| 'a\\b' \"a\\b\" \"\\\"\\\\\\$\" \\'", "a\\b|a\\b|\"\\$|'|COMMAND|"},
        {"printf %s| $HOME * ~ a;b `x` | >y", "$HOME|*|~|a;b|`x`|||>y|COMMAND|"},
        {"printf %s| {} {{.X}} {print $1} \\{server}", "{}|{{.X}}|{print|$1}|{server}|COMMAND|"},
        {"pri'ntf' %s| -- x", "--|x|COMMAND|"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_words(cases[i].template, &web3, cases[i].words);
}

static void puts_the_server_into_words(UNUSED void **state) {
    expect_words("printf %s| {server} {host} {user} {port}", &web3,
                 "bench@web3:2222|10.0.0.3|bench|2222|COMMAND|");
    expect_words("printf %s| -p{port} {user}@{host} '{host}' \"x {host}\" {host}{host}", &web3,
                 "-p2222|bench@10.0.0.3|10.0.0.3|x 10.0.0.3|10.0.0.310.0.0.3|COMMAND|");
}

static void a_value_stays_in_its_word(UNUSED void **state) {
    const struct server foreign = {
        .name = (char *)"a b 'c \"d $(id) {host} \\e *", .host = (char *)"", .user = (char *)"-u"};
    expect_words("printf %s| {server} [{host}] x{user}", &foreign,
                 "a b 'c \"d $(id) {host} \\e *|[]|x-u|COMMAND|");
    expect_words("printf %s| {host}", &foreign, "|COMMAND|");
}

static void the_examples_run_the_command(UNUSED void **state) {
    static const char *const templates[] = {"sh -c", "env X=1 sh -c", "env H={server} X=1 sh -c"};
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        struct error err;
        struct transport *t;
        assert_int_equal(transport_command_new(templates[i], cancel, &t, &err), 0);
        expect_run(t, &web3, "echo \"$H ${X:-0}\" | tr 1 2",
                   i == 0   ? " 0\n"
                   : i == 1 ? " 2\n"
                            : "bench@web3:2222 2\n");
    }
}

static void refuses_a_bad_template(UNUSED void **state) {
    static const struct {
        const char *template;
        const char *part; /* of the sentence */
    } cases[] = {
        {"", "column 1: it has no program"},
        {" \t ", "column 1: it has no program"},
        {"ssh 'x", "column 5: this ' is never closed"},
        {"ssh \"x y", "column 5: this \" is never closed"},
        {"ssh \"x\\\"", "column 5: this \" is never closed"},
        {"ssh x\\", "column 6: there is nothing after"},
        {"ssh {sever}", "column 5: the placeholders are"},
        {"ssh \xc3\xa9 {Server}", "column 7: the placeholders are"},
        {"ssh 'a {ports}'", "column 8: the placeholders are"},
        {"{server} x", "column 1: a server must not choose"},
        {"x-{host}", "column 3: a server must not choose"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct transport *t;
        if (transport_command_new(cases[i].template, cancel, &t, &err) == 0)
            fail_msg("'%s' was taken", cases[i].template);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (!strstr(err.text, cases[i].part))
            fail_msg("'%s': %s", cases[i].template, err.text);
    }
}

static void expect_refused(const char *template, const struct server *server, const char *text) {
    struct error err = {0};
    struct transport *t;
    struct session *s;
    assert_int_equal(transport_command_new(template, cancel, &t, &err), 0);
    assert_int_equal(transport_open(t, server, soon(), &s, &err), -1);
    assert_int_equal(err.kind, ERROR_UNREACHABLE);
    assert_string_equal(err.text, text);
    transport_free(t);
}

static void a_server_cannot_be_an_option(UNUSED void **state) {
    const struct server evil = {
        .name = (char *)"-oProxyCommand=id", .host = (char *)"-h", .user = (char *)"-u"};
    expect_refused("echo {server}", &evil, "'-oProxyCommand=id' would be read as an option");
    expect_refused("echo x '{user}@{host}'", &evil, "'-u@-h' would be read as an option");
    expect_words("printf %s| x{server}", &evil, "x-oProxyCommand=id|COMMAND|");
}

static void a_missing_value_is_an_error(UNUSED void **state) {
    const struct server plain = {.name = (char *)"web3", .host = (char *)"web3"};
    expect_refused("echo -p {port}", &plain, "the server has no port that {port} could stand for");
    expect_refused("echo {user}", &plain, "the server has no user that {user} could stand for");
}

static void local_runs_commands_here(UNUSED void **state) {
    struct error err;
    struct transport *t;
    assert_int_equal(transport_local_new(cancel, &t, &err), 0);
    assert_string_equal(t->ops->name, "local");
    expect_run(t, &web3, "echo $((6 * 7)) \"a  b\"", "42 a  b\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_words_as_a_shell_does),
        cmocka_unit_test(puts_the_server_into_words),
        cmocka_unit_test(a_value_stays_in_its_word),
        cmocka_unit_test(the_examples_run_the_command),
        cmocka_unit_test(refuses_a_bad_template),
        cmocka_unit_test(a_server_cannot_be_an_option),
        cmocka_unit_test(a_missing_value_is_an_error),
        cmocka_unit_test(local_runs_commands_here),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
