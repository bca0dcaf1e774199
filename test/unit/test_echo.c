/* What sync/echo promises: the echo is off while it is wanted so, and comes back however it ends.
 */
#include "sync/echo.h"
#include "test.h"

#include "base/clock.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct fixture {
    int master, terminal;
};

static void set_up(struct fixture *f) {
    assert_int_equal(openpty(&f->master, &f->terminal, NULL, NULL, NULL), 0);
}

static void tear_down(struct fixture *f) {
    close(f->master);
    close(f->terminal);
}

static tcflag_t modes(const struct fixture *f) {
    struct termios now;
    assert_int_equal(tcgetattr(f->terminal, &now), 0);
    return now.c_lflag;
}

static void set_modes(const struct fixture *f, tcflag_t flags) {
    struct termios now;
    assert_int_equal(tcgetattr(f->terminal, &now), 0);
    now.c_lflag = flags;
    assert_int_equal(tcsetattr(f->terminal, TCSANOW, &now), 0);
}

static void nothing_typed_is_shown_or_lost(UNUSED void **state) {
    struct fixture f;
    set_up(&f);
    tcflag_t before = modes(&f);
    assert_true(before & ECHO);
    struct echo *e = echo_new(f.terminal);
    assert_non_null(e);
    assert_int_equal(modes(&f), before);
    echo_hide(e, true);
    echo_hide(e, true);
    assert_int_equal(write(f.master, "typed\n", 6), 6);
    char line[16];
    assert_int_equal(read(f.terminal, line, sizeof(line)), 6);
    assert_int_equal(poll(&(struct pollfd){.fd = f.master, .events = POLLIN}, 1, 0), 0);
    assert_int_equal(modes(&f), before & ~(tcflag_t)(ECHO | ECHONL));
    echo_hide(e, false);
    assert_int_equal(modes(&f), before);
    echo_hide(e, true);
    echo_free(e);
    assert_int_equal(modes(&f), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    tear_down(&f);
}

static void what_others_set_is_left_alone(UNUSED void **state) {
    struct fixture f;
    set_up(&f);
    tcflag_t before = modes(&f);
    set_modes(&f, before & ~(tcflag_t)ECHO);
    struct echo *e = echo_new(f.terminal);
    echo_hide(e, true);
    echo_free(e);
    assert_int_equal(modes(&f), before & ~(tcflag_t)ECHO);
    set_modes(&f, before);
    e = echo_new(f.terminal);
    echo_hide(e, true);
    set_modes(&f, before & ~(tcflag_t)(ECHO | ICANON));
    echo_free(e);
    assert_int_equal(modes(&f), before & ~(tcflag_t)(ECHO | ICANON));
    tear_down(&f);
}

/* Ends a process that has hidden the echo, and waits for the terminal to be as it was. */
static void ended_by(void (*end)(void), bool resized) {
    struct fixture f;
    set_up(&f);
    tcflag_t before = modes(&f);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct echo *e = echo_new(f.terminal);
        echo_hide(e, true);
        if (resized) { /* and anew, with other modes */
            echo_hide(e, false);
            set_modes(&f, before | NOFLSH);
            echo_hide(e, true);
        }
        end();
        _exit(1);
    }
    close(ready[1]);
    /* the guard has no descriptor of the program's: the pipe ends with the program alone */
    assert_int_equal(read(ready[0], &(char){0}, 1), 0);
    close(ready[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    int64_t deadline = deadline_in(10 * CLOCK_S);
    while (!(modes(&f) & ECHO) && clock_now() < deadline)
        poll(NULL, 0, 1);
    assert_int_equal(modes(&f), resized ? before | NOFLSH : before);
    tear_down(&f);
}

static void die(void) {
    raise(SIGKILL);
}

static void leave(void) {
    _exit(0);
}

static void the_guard_brings_it_back(UNUSED void **state) {
    ended_by(die, false);
    ended_by(die, true);
    ended_by(leave, false);
}

static void what_is_no_terminal_is_nothing(UNUSED void **state) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct echo *e = echo_new(ends[1]);
    echo_hide(e, true);
    echo_hide(e, false);
    echo_free(e);
    echo_hide(NULL, true);
    echo_free(NULL);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_typed_is_shown_or_lost),
        cmocka_unit_test(what_others_set_is_left_alone),
        cmocka_unit_test(the_guard_brings_it_back),
        cmocka_unit_test(what_is_no_terminal_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
