/* What transport/process promises. */
#include "test.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "transport/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const shell[] = {"sh", "-c", NULL};

struct fixture {
    struct cancel *cancel;
    struct session *s;
    struct error err;
    size_t open_before;
};

static size_t count_descriptors(void) {
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){.open_before = count_descriptors()};
    assert_int_equal(cancel_new(&f.cancel, &f.err), 0);
    *state = &f;
    return 0;
}

/* Reaps the orphans that were killed. Whether none is left: one that lives on fails this. */
static bool no_child_is_left(void) {
    int64_t deadline = deadline_in(2 * CLOCK_S);
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && clock_now() < deadline)
        if (pid == 0)
            usleep(1000);
    return pid < 0 && errno == ECHILD;
}

/* Leaves no descriptor and no process, whatever the test did. */
static int tear_down(void **state) {
    struct fixture *f = *state;
    session_close(f->s);
    cancel_free(f->cancel);
    assert_int_equal(count_descriptors(), f->open_before);
    assert_true(no_child_is_left());
    return 0;
}

static int64_t soon(void) {
    return deadline_in(20 * CLOCK_S);
}

static void check(const struct fixture *f, int rc) {
    if (rc != 0)
        fail_msg("%s", f->err.text);
}

static void open_program(struct fixture *f, const char *const *argv) {
    check(f, process_open(argv, f->cancel, NULL, &f->s, &f->err));
}

static void start(struct fixture *f, const char *command) {
    if (!f->s)
        open_program(f, shell);
    check(f, session_start(f->s, command, soon(), &f->err));
}

static void read_all(struct fixture *f, struct str *out) {
    char buf[4096];
    ssize_t n;
    while ((n = session_read(f->s, buf, sizeof(buf), soon(), &f->err)) > 0)
        str_add_bytes(out, buf, (size_t)n);
    check(f, (int)n);
    str_add(out, "");
    assert_false(out->failed);
}

static void expect_output(struct fixture *f, const char *expected) {
    cleanup(str_done) struct str out = {0};
    read_all(f, &out);
    assert_string_equal(out.data, expected);
}

static int finish(struct fixture *f) {
    int status;
    check(f, session_finish(f->s, soon(), &status, &f->err));
    return status;
}

static void carries_input_and_output(void **state) {
    struct fixture *f = *state;
    start(f, "head -n 1; exit 3");
    check(f, session_write(f->s, "hello\n", 6, soon(), &f->err));
    expect_output(f, "hello\n");
    assert_int_equal(finish(f), 3);
    assert_string_equal(session_stderr(f->s), "");
}

static void a_read_may_be_tried_again(void **state) {
    struct fixture *f = *state;
    char buf[16];
    start(f, "printf half; read x; echo \", $x\"; exit 3");
    assert_int_equal(session_read(f->s, buf, sizeof(buf), soon(), &f->err), 4);
    for (int i = 0; i < 3; i++) {
        ssize_t n = session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_MS), &f->err);
        assert_int_equal(n, -1);
        assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    }
    check(f, session_write(f->s, "whole\n", 6, soon(), &f->err));
    expect_output(f, ", whole\n");
    assert_int_equal(finish(f), 3);
}

static void appends_the_command_as_one_argument(void **state) {
    struct fixture *f = *state;
    static const char *const argv[] = {"printf", "%s|", "a b", NULL};
    open_program(f, argv);
    start(f, "$HOME 'x' \"y\" *");
    expect_output(f, "a b|$HOME 'x' \"y\" *|");
    assert_int_equal(finish(f), 0);
}

static void runs_one_command_after_another(void **state) {
    struct fixture *f = *state;
    start(f, "echo one; echo trouble >&2");
    assert_int_equal(session_start(f->s, "echo two", soon(), &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_INTERNAL);
    assert_int_equal(finish(f), 0);
    assert_string_equal(session_stderr(f->s), "trouble");
    start(f, "echo two");
    expect_output(f, "two\n");
    assert_int_equal(finish(f), 0);
    assert_string_equal(session_stderr(f->s), "");
}

static void finish_closes_the_input_and_drops_output(void **state) {
    struct fixture *f = *state;
    start(f, "cat >/dev/null; head -c 300000 /dev/zero; exit 4");
    assert_int_equal(finish(f), 4);
}

static void tells_the_signal_that_ended_the_program(void **state) {
    struct fixture *f = *state;
    start(f, "kill -TERM $$");
    assert_int_equal(finish(f), 128 + SIGTERM);
}

static void an_early_end_is_end_of_output_with_its_reason(void **state) {
    struct fixture *f = *state;
    start(f, "printf 'no \\033[31mroute\\n' >&2; exit 255");
    expect_output(f, "");
    assert_string_equal(session_stderr(f->s), "no \\x1b[31mroute");
    assert_int_equal(finish(f), 255);
}

static void standard_error_never_holds_up_the_program(void **state) {
    struct fixture *f = *state;
    start(f, "head -c 2000000 /dev/zero | tr '\\0' e >&2; echo done");
    expect_output(f, "done\n");
    assert_int_equal(finish(f), 0);
    assert_int_equal(strlen(session_stderr(f->s)), 4096);
    assert_int_equal(strspn(session_stderr(f->s), "e"), 4096);
}

static void writes_while_the_program_prints(void **state) {
    struct fixture *f = *state;
    size_t size = 900000;
    char *data = malloc(size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 251);
    start(f, "cat");
    check(f, session_write(f->s, data, size, soon(), &f->err));
    cleanup(str_done) struct str out = {0};
    while (out.len < size) {
        char *room = str_room(&out, 5000);
        assert_non_null(room);
        ssize_t n = session_read(f->s, room, 5000, soon(), &f->err);
        assert_true(n > 0);
        out.len += (size_t)n;
    }
    assert_int_equal(out.len, size);
    assert_memory_equal(out.data, data, size);
    free(data);
    assert_int_equal(finish(f), 0);
}

static void keeps_a_bounded_part_of_what_is_printed_meanwhile(void **state) {
    struct fixture *f = *state;
    char data[65536] = {0};
    int64_t deadline = deadline_in(500 * CLOCK_MS);
    int rc;
    start(f, "cat");
    for (int i = 0; (rc = session_write(f->s, data, sizeof(data), deadline, &f->err)) == 0; i++)
        assert_true(i < 2 * 1024 * 1024 / (int)sizeof(data));
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
}

static void a_write_that_nobody_reads_is_a_lost_connection(void **state) {
    struct fixture *f = *state;
    char data[200000] = {0};
    start(f, "echo sorry >&2; exec <&-; exec sleep 30");
    assert_int_equal(session_write(f->s, data, sizeof(data), soon(), &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_CONNECTION_LOST);
    assert_non_null(strstr(f->err.text, "sh: Broken pipe"));
    assert_string_equal(session_stderr(f->s), "sorry");
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
}

static void a_read_ends_at_its_deadline(void **state) {
    struct fixture *f = *state;
    char byte;
    start(f, "sleep 30");
    int64_t deadline = deadline_in(50 * CLOCK_MS);
    assert_int_equal(session_read(f->s, &byte, 1, deadline, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    assert_true(clock_now() >= deadline);
    assert_true(clock_now() < deadline + 5 * CLOCK_S);
}

static void an_endless_output_does_not_outrun_the_deadline(void **state) {
    struct fixture *f = *state;
    char buf[65536];
    start(f, "yes & exec yes >&2");
    int64_t deadline = deadline_in(50 * CLOCK_MS);
    while (session_read(f->s, buf, sizeof(buf), deadline, &f->err) > 0)
        assert_true(clock_now() < deadline + 5 * CLOCK_S);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    int status;
    assert_int_equal(session_finish(f->s, clock_now() + CLOCK_MS, &status, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
}

static void *fire_later(void *cancel) {
    usleep(50000);
    cancel_fire(cancel);
    return NULL;
}

static void the_cancel_token_ends_a_read(void **state) {
    struct fixture *f = *state;
    pthread_t t;
    char byte;
    start(f, "sleep 30");
    assert_int_equal(pthread_create(&t, NULL, fire_later, f->cancel), 0);
    assert_int_equal(session_read(f->s, &byte, 1, DEADLINE_NEVER, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_INTERRUPTED);
    pthread_join(t, NULL);
}

static void names_a_program_that_cannot_be_run(void **state) {
    struct fixture *f = *state;
    static const char *const argv[] = {"no-such-program", "-x", NULL};
    open_program(f, argv);
    assert_int_equal(session_start(f->s, "true", soon(), &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_UNREACHABLE);
    assert_string_equal(f->err.text, "cannot run no-such-program: No such file or directory");
}

static void says_where_it_is(void **state) {
    struct fixture *f = *state;
    check(f, process_open(shell, f->cancel, "docker", &f->s, &f->err));
    start(f, "echo docker pid $$");
    cleanup(str_done) struct str out = {0};
    read_all(f, &out);
    out.data[out.len - 1] = '\0';
    assert_string_equal(session_address(f->s), out.data);
    assert_int_equal(finish(f), 0);
}

static void the_program_gets_no_other_descriptor(void **state) {
    struct fixture *f = *state;
    int inherited = dup(STDERR_FILENO); /* not close-on-exec */
    assert_in_range(inherited, 3, 99);
    start(f, "i=0; while [ $i -lt 100 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i+1)); done");
    fd_close(&inherited);
    expect_output(f, "0\n1\n2\n");
    finish(f);
}

static void the_program_gets_default_signals(void **state) {
    struct fixture *f = *state;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    /* the C library ignores signals of its own above the 31 standard ones */
    start(f, "exec sed -nE 's/^Sig(Blk|Ign):.*(.{8})$/0x\\2/p' /proc/self/status");
    signal(SIGPIPE, handler);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    cleanup(str_done) struct str out = {0};
    read_all(f, &out);
    unsigned blocked, ignored;
    assert_int_equal(sscanf(out.data, "%x %x", &blocked, &ignored), 2);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & 0x7fffffff, 0);
    assert_int_equal(finish(f), 0);
}

static void works_with_the_standard_descriptors_closed(void **state) {
    struct fixture *f = *state;
    int saved[3];
    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        close(i);
    }
    char buf[100];
    int rc = process_open(shell, f->cancel, NULL, &f->s, &f->err) == 0 &&
             session_start(f->s, "cat; echo err >&2", soon(), &f->err) == 0 &&
             session_write(f->s, "in\n", 3, soon(), &f->err) == 0 &&
             session_read(f->s, buf, sizeof(buf), soon(), &f->err) == 3;
    int status = -1;
    rc = rc && session_finish(f->s, soon(), &status, &f->err) == 0;
    for (int i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    assert_true(rc);
    assert_memory_equal(buf, "in\n", 3);
    assert_int_equal(status, 0);
    assert_string_equal(session_stderr(f->s), "err");
}

/* Reads the process id that the program printed. */
static pid_t read_pid(struct fixture *f) {
    char line[32] = {0};
    for (size_t n = 0; n < sizeof(line) - 1 && !strchr(line, '\n'); n++)
        assert_int_equal(session_read(f->s, line + n, 1, soon(), &f->err), 1);
    return (pid_t)atoi(line);
}

/* This process is the grandchild's new parent, so it can say how it ended. */
static void expect_killed(pid_t pid) {
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void close_lets_a_program_end_by_itself(void **state) {
    struct fixture *f = *state;
    start(f, "echo $$; cat; sleep 0.1");
    read_pid(f);
    int64_t before = clock_now();
    session_close(TAKE(f->s));
    assert_true(clock_now() - before >= 90 * CLOCK_MS);
    assert_true(clock_now() - before < 2 * CLOCK_S);
}

static void close_ends_what_does_not_end_by_itself(void **state) {
    struct fixture *f = *state;
    start(f, "trap '' TERM HUP PIPE; sleep 1000 & echo $!; while :; do wait; done");
    pid_t grandchild = read_pid(f);
    int64_t before = clock_now();
    session_close(TAKE(f->s));
    assert_true(clock_now() - before < 2 * CLOCK_S);
    expect_killed(grandchild);
}

static void close_ends_a_stopped_program(void **state) {
    struct fixture *f = *state;
    start(f, "echo $$; kill -STOP $$");
    read_pid(f);
    int64_t before = clock_now();
    session_close(TAKE(f->s));
    assert_true(clock_now() - before < 2 * CLOCK_S);
}

static void finish_ends_what_the_program_left_behind(void **state) {
    struct fixture *f = *state;
    start(f, "sleep 1000 & echo $!");
    pid_t grandchild = read_pid(f);
    assert_int_equal(finish(f), 0);
    expect_killed(grandchild);
}

int main(void) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(carries_input_and_output),
        T(a_read_may_be_tried_again),
        T(appends_the_command_as_one_argument),
        T(runs_one_command_after_another),
        T(finish_closes_the_input_and_drops_output),
        T(tells_the_signal_that_ended_the_program),
        T(an_early_end_is_end_of_output_with_its_reason),
        T(standard_error_never_holds_up_the_program),
        T(writes_while_the_program_prints),
        T(keeps_a_bounded_part_of_what_is_printed_meanwhile),
        T(a_write_that_nobody_reads_is_a_lost_connection),
        T(a_read_ends_at_its_deadline),
        T(an_endless_output_does_not_outrun_the_deadline),
        T(the_cancel_token_ends_a_read),
        T(names_a_program_that_cannot_be_run),
        T(says_where_it_is),
        T(the_program_gets_no_other_descriptor),
        T(the_program_gets_default_signals),
        T(works_with_the_standard_descriptors_closed),
        T(close_lets_a_program_end_by_itself),
        T(close_ends_what_does_not_end_by_itself),
        T(close_ends_a_stopped_program),
        T(finish_ends_what_the_program_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
