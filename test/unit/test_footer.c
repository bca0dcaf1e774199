/* What sync/footer promises: the bytes that a terminal gets. */
#include "sync/footer.h"
#include "test.h"

#include "base/clock.h"
#include "sync/log.h"

#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A terminal with a footer on it, of which the test says what it shows. */
struct fixture {
    int master, terminal;
    const char *block;
    int columns, rows; /* that it was to be drawn for */
    struct footer *footer;
    struct str out;
};

static void draw(void *arg, int columns, int rows, struct str *out) {
    struct fixture *f = arg;
    f->columns = columns;
    f->rows = rows;
    str_add(out, f->block);
}

static void resize(struct fixture *f, unsigned short columns, unsigned short rows) {
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    assert_int_equal(ioctl(f->master, TIOCSWINSZ, &size), 0);
}

static void set_up(struct fixture *f, bool reflows) {
    struct error err;
    *f = (struct fixture){.block = ""};
    assert_int_equal(openpty(&f->master, &f->terminal, NULL, NULL, NULL), 0);
    resize(f, 40, 20);
    const struct footer_drawing drawing = {draw, f, reflows};
    assert_int_equal(footer_new(f->terminal, &drawing, &f->footer, &err), 0);
}

static void tear_down(struct fixture *f) {
    footer_free(f->footer);
    str_done(&f->out);
    close(f->master);
    close(f->terminal);
}

static void check(struct fixture *f, const char *lines, const char *want) {
    struct str text = {0};
    str_add(&text, lines);
    footer_frame(f->footer, &text, &f->out);
    assert_string_equal(f->out.len ? f->out.data : "", want);
    str_done(&text);
}

static void lines_take_the_place_of_the_block(UNUSED void **state) {
    struct fixture f;
    set_up(&f, true);
    f.block = "one\ntwo\n";
    check(&f, "", "one\ntwo\n");
    assert_int_equal(f.columns, 39);
    assert_int_equal(f.rows, 10);
    check(&f, "", "");
    check(&f, "a line\n", "\r\x1b[2A\x1b[Ja line\none\ntwo\n");
    f.block = "three\n";
    check(&f, "", "\r\x1b[2A\x1b[Jthree\n");
    footer_show(f.footer, false);
    check(&f, "", "\r\x1b[1A\x1b[J");
    check(&f, "b\n", "b\n");
    tear_down(&f);
}

static void what_is_not_there_any_more_is_not_erased(UNUSED void **state) {
    struct fixture f;
    set_up(&f, true);
    f.block = "one\n";
    check(&f, "", "one\n");
    footer_forget(f.footer);
    check(&f, "", "one\n");
    tear_down(&f);
}

static void a_narrower_terminal_has_wrapped_the_block(UNUSED void **state) {
    struct fixture f;
    set_up(&f, true);
    f.block = "\x1b[32m0123456789\x1b[0m01234567890123456789\nshort\n"
              "\xe6\x9c\x8d\xe6\x9c\x8d\xe6\x9c\x8d\xe6\x9c\x8d\xe6\x9c\x8d\xe6\x9c\x8d\n";
    check(&f, "", f.block);
    resize(&f, 10, 20);
    f.block = "new\n";
    check(&f, "", "\r\x1b[6A\x1b[Jnew\n"); /* 3 rows, 1 and 2 */
    tear_down(&f);
    set_up(&f, false);
    f.block = "0123456789012345678901234567890\n";
    check(&f, "", f.block);
    resize(&f, 10, 20);
    f.block = "new\n";
    check(&f, "", "\r\x1b[1A\x1b[Jnew\n");
    tear_down(&f);
}

/* What the terminal's reader has got after a flush. */
static void read_out(struct fixture *f, char *to, size_t size) {
    assert_true(log_flush(deadline_in(20 * CLOCK_S)));
    ssize_t n = read(f->master, to, size - 1);
    assert_true(n > 0);
    to[n] = '\0';
}

static void the_log_keeps_the_block_below_its_lines(UNUSED void **state) {
    struct fixture f;
    struct error err;
    char got[4096];
    set_up(&f, true);
    f.block = "block\n";
    const struct footer_drawing drawing = {draw, &f, true};
    assert_int_equal(log_open(&err), 0);
    assert_int_equal(log_add_terminal(f.terminal, LOG_LOGFMT, LOG_INFO, &drawing, &err), 0);
    log_info("first");
    read_out(&f, got, sizeof(got));
    assert_non_null(strstr(got, "event=first\r\nblock\r\n"));
    log_info("second");
    read_out(&f, got, sizeof(got));
    assert_memory_equal(got, "\r\x1b[1A\x1b[J", 8);
    assert_non_null(strstr(got, "event=second\r\nblock\r\n"));
    log_footer(FOOTER_HIDE);
    read_out(&f, got, sizeof(got));
    assert_string_equal(got, "\r\x1b[1A\x1b[J");
    log_footer(FOOTER_SHOW);
    read_out(&f, got, sizeof(got));
    assert_string_equal(got, "block\r\n");
    log_footer(FOOTER_SHOW_BELOW);
    read_out(&f, got, sizeof(got));
    assert_string_equal(got, "block\r\n");
    assert_int_equal(log_close(&err), 0);
    ssize_t n = read(f.master, got, sizeof(got));
    assert_int_equal(n, 8);
    assert_memory_equal(got, "\r\x1b[1A\x1b[J", 8);
    tear_down(&f);
}

#define T(f) cmocka_unit_test(f)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(lines_take_the_place_of_the_block),
        T(what_is_not_there_any_more_is_not_erased),
        T(a_narrower_terminal_has_wrapped_the_block),
        T(the_log_keeps_the_block_below_its_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
