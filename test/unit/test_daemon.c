/* What sync/daemon, sync/message and sync/datagram promise, held against sockets of the test's. */
#include "base/clock.h"
#include "base/fd.h"
#include "sync/daemon.h"
#include "sync/log.h"
#include "test.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64];
static char path[100];
static int listener = -1;

static int make_folder(UNUSED void **state) {
    if (!make_test_folder(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/socket", folder);
    return 0;
}

static int remove_folder(UNUSED void **state) {
    return rmdir(folder);
}

static void hear(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void hear_no_more(void) {
    fd_close(&listener);
    unlink(path);
}

static int start(UNUSED void **state) {
    hear();
    return 0;
}

static int stop(UNUSED void **state) {
    struct error err;
    (void)!log_close(&err);
    hear_no_more();
    return 0;
}

/* A file that came in place of a message; it has to be sealed. */
static char *read_file(int fd, size_t *n) {
    struct stat st;
    int sealed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    assert_int_equal(fcntl(fd, F_GET_SEALS) & sealed, sealed);
    assert_int_equal(fstat(fd, &st), 0);
    *n = (size_t)st.st_size;
    char *bytes = malloc(*n + 1);
    assert_int_equal(pread(fd, bytes, *n, 0), *n);
    return bytes;
}

/* The next message; the caller frees it. It has come in a datagram, or in a file. */
static char *receive(size_t *n, bool *by_file) {
    static char bytes[1 << 20];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec into = {.iov_base = bytes, .iov_len = sizeof(bytes) - 1};
    struct msghdr message = {.msg_iov = &into,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 20000), 1);
    ssize_t got = recvmsg(listener, &message, MSG_CMSG_CLOEXEC);
    assert_true(got >= 0);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *by_file = head;
    char *copy;
    if (head) {
        cleanup(fd_close) int fd;
        assert_int_equal(got, 0);
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
        copy = read_file(fd, n);
    } else {
        *n = (size_t)got;
        copy = malloc(*n + 1);
        memcpy(copy, bytes, *n);
    }
    copy[*n] = '\0';
    return copy;
}

/*
 * The value of `key` in a message of the journal's protocol, which is read to its end by the rules
 * of that protocol; NULL: it has no such key. It ends in a NUL, which takes a newline's place.
 */
static char *value_of(char *message, size_t n, const char *key) {
    char *found = NULL;
    for (char *p = message, *end = message + n; p < end;) {
        char *name = p;
        size_t len = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        assert_true(len > 0 && len <= 64 && *p != '_');
        p += len;
        assert_true(*p == '=' || *p == '\n');
        uint64_t size;
        if (*p++ == '=') {
            size = (uint64_t)((char *)memchr(p, '\n', (size_t)(end - p)) - p);
        } else {
            memcpy(&size, p, sizeof(size));
            size = le64toh(size);
            p += sizeof(size);
        }
        assert_true(size < (size_t)(end - p));
        assert_int_equal(p[size], '\n');
        if (len == strlen(key) && memcmp(name, key, len) == 0) {
            assert_null(found);
            found = p;
            n = size;
        }
        p += size + 1;
    }
    if (found)
        found[n] = '\0';
    return found;
}

static void assert_value(const char *message, size_t n, const char *key, const char *value) {
    cleanup(free_ptr) char *copy = malloc(n);
    memcpy(copy, message, n);
    const char *got = value_of(copy, n, key);
    if (!value)
        assert_null(got);
    else if (!got)
        fail_msg("there is no %s", key);
    else
        assert_string_equal(got, value);
}

static void to_daemon(enum log_daemon kind) {
    struct error err;
    assert_int_equal(log_open(&err), 0);
    if (log_add_daemon(kind, path, LOG_DEBUG, &err) < 0)
        fail_msg("%s", err.text);
}

static void the_journal_gets_a_field_for_each_key(UNUSED void **state) {
    static const char *const items[] = {"web[01-03]", "db1"};
    to_daemon(LOG_JOURNAL);
    log_bind("server", "web03");
    log_warning("server failed", LOG_I("i", -5), LOG_F("seconds", 1.5), LOG_S("a-b.c", "x"),
                LOG_S("none", NULL), LOG_L("failed_servers", items, 2));
    log_unbind("server");
    size_t n;
    bool by_file;
    cleanup(free_ptr) char *m = receive(&n, &by_file);
    assert_false(by_file);
    assert_value(m, n, "MESSAGE",
                 "server failed server=web03 i=-5 seconds=1.5 a-b.c=x "
                 "failed_servers=[\"web[01-03]\",db1]");
    assert_value(m, n, "PRIORITY", "4");
    assert_value(m, n, "SYSLOG_IDENTIFIER", "muster");
    assert_value(m, n, "MUSTER_EVENT", "server failed");
    assert_value(m, n, "MUSTER_SERVER", "web03");
    assert_value(m, n, "MUSTER_I", "-5");
    assert_value(m, n, "MUSTER_SECONDS", "1.5");
    assert_value(m, n, "MUSTER_A_B_C", "x");
    assert_value(m, n, "MUSTER_NONE", NULL);
    assert_value(m, n, "MUSTER_FAILED_SERVERS", "[\"web[01-03]\",db1]");
    assert_value(m, n, "MUSTER_RUN", NULL);
}

static void levels_are_priorities(UNUSED void **state) {
    static const char *const priorities[] = {"7", "6", "4", "3"};
    to_daemon(LOG_JOURNAL);
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        log_at(level, "x");
        size_t n;
        bool by_file;
        cleanup(free_ptr) char *m = receive(&n, &by_file);
        assert_value(m, n, "PRIORITY", priorities[level]);
    }
}

static void the_run_is_said_from_when_it_is_known(UNUSED void **state) {
    static const char *const runs[] = {NULL, "r1", "mine"};
    to_daemon(LOG_JOURNAL);
    log_info("before");
    log_name_run("r1");
    log_info("after");
    log_info("own", LOG_S("run", "mine"));
    for (size_t i = 0; i < 3; i++) {
        size_t n;
        bool by_file;
        cleanup(free_ptr) char *m = receive(&n, &by_file);
        assert_value(m, n, "MUSTER_RUN", runs[i]);
    }
}

static void a_value_arrives_byte_for_byte(UNUSED void **state) {
    static const char *const values[] = {
        "", "\n", "a\nMUSTER_SERVER=forged\n", "\xff\xfe\x01\x1b[31m", "=", "a=b\r\t", "\n\n\n",
    };
    to_daemon(LOG_JOURNAL);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        log_info("x", LOG_S("v", values[i]));
        size_t n;
        bool by_file;
        cleanup(free_ptr) char *m = receive(&n, &by_file);
        assert_value(m, n, "MUSTER_V", values[i]);
        assert_value(m, n, "MUSTER_SERVER", NULL);
    }
    log_info("an\nevent");
    size_t n;
    bool by_file;
    cleanup(free_ptr) char *m = receive(&n, &by_file);
    assert_value(m, n, "MUSTER_EVENT", "an\nevent");
    assert_value(m, n, "MESSAGE", "an\\nevent");
}

/* `n` bytes with some newlines among them; the caller frees it. */
static char *make_text(size_t n) {
    char *text = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 1000 == 999 ? '\n' : (char)('a' + i % 26);
    text[n] = '\0';
    return text;
}

static void what_is_too_large_for_a_datagram_goes_as_a_file(UNUSED void **state) {
    static const size_t sizes[] = {100 << 10, 10 << 20, 1 << 10};
    to_daemon(LOG_JOURNAL);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        cleanup(free_ptr) char *text = make_text(sizes[i]);
        log_info("x", LOG_S("v", text));
        size_t n;
        bool by_file;
        cleanup(free_ptr) char *m = receive(&n, &by_file);
        assert_true(by_file == (i == 1) || i == 0);
        assert_value(m, n, "MUSTER_V", text);
    }
}

static void a_key_is_cut_where_the_journal_ends_it(UNUSED void **state) {
    static const char long_key[] =
        "a123456789012345678901234567890123456789012345678901234567890123456789";
    to_daemon(LOG_JOURNAL);
    log_info("x", LOG_S(long_key, "1"));
    size_t n;
    bool by_file;
    cleanup(free_ptr) char *m = receive(&n, &by_file);
    assert_value(m, n, "MUSTER_A12345678901234567890123456789012345678901234567890123456", "1");
}

static void syslog_gets_the_line_behind_its_usual_head(UNUSED void **state) {
    to_daemon(LOG_SYSLOG);
    log_name_run("r1");
    log_error("it\nbroke", LOG_S("v", "a\nb"));
    size_t n;
    bool by_file;
    cleanup(free_ptr) char *m = receive(&n, &by_file);
    char want[100];
    snprintf(want, sizeof(want), " muster[%d]: it\\nbroke run=r1 v=\"a\\nb\"", (int)getpid());
    assert_int_equal(strncmp(m, "<11>", 4), 0);
    assert_int_equal(strspn(m + 4, "JFMASONDaepuconlgtvbyr"), 3);
    assert_int_equal(m[7], ' ');
    assert_string_equal(m + 4 + 15, want);
}

static void a_long_line_is_cut_for_syslog(UNUSED void **state) {
    enum { SIZE = 20000 };
    cleanup(free_ptr) char *text = malloc(SIZE + 1);
    for (size_t i = 0; i < SIZE; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[SIZE] = '\0';
    to_daemon(LOG_SYSLOG);
    for (size_t i = 0; i < 2; i++) { /* so that the cut is within a character once */
        log_info(i ? "xy" : "x", LOG_S("v", text));
        size_t n;
        bool by_file;
        cleanup(free_ptr) char *m = receive(&n, &by_file);
        assert_true(n <= 8192 && n > 8192 - 4);
        assert_string_equal(m + n - 5, "\xc3\xa9...");
    }
}

static void nobody_there_is_an_error(UNUSED void **state) {
    struct error err;
    hear_no_more();
    assert_int_equal(log_open(&err), 0);
    assert_int_equal(log_add_daemon(LOG_JOURNAL, path, LOG_INFO, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "systemd-journald"));
    assert_int_equal(log_close(&err), 0);
    char far[300];
    memset(far, 'x', sizeof(far));
    far[sizeof(far) - 1] = '\0';
    assert_int_equal(log_open(&err), 0);
    assert_int_equal(log_add_daemon(LOG_SYSLOG, far, LOG_INFO, &err), -1);
    assert_int_equal(err.os, 0);
}

/* Takes messages until the one with this number, checking that none is missing or comes twice. */
static void take_numbers(int from, int to) {
    for (int i = from; i < to; i++) {
        char want[20];
        size_t n;
        bool by_file;
        cleanup(free_ptr) char *m = receive(&n, &by_file);
        snprintf(want, sizeof(want), "%d", i);
        assert_value(m, n, "MUSTER_I", want);
    }
}

static void nothing_is_lost_while_the_daemon_is_behind(UNUSED void **state) {
    enum { LINES = 5000 };
    to_daemon(LOG_JOURNAL);
    int64_t before = clock_now();
    for (int i = 0; i < LINES; i++)
        log_info("x", LOG_I("i", i));
    assert_true(clock_now() - before < 2 * CLOCK_S); /* nobody takes any: callers do not wait */
    take_numbers(0, LINES);
    struct error err;
    assert_int_equal(log_close(&err), 0);
}

static void a_daemon_that_starts_anew_gets_the_rest(UNUSED void **state) {
    to_daemon(LOG_JOURNAL);
    log_info("x", LOG_I("i", 0));
    take_numbers(0, 1);
    hear_no_more();
    log_info("x", LOG_I("i", 1));
    log_info("x", LOG_I("i", 2));
    hear();
    log_info("x", LOG_I("i", 3));
    take_numbers(1, 4);
    struct error err;
    assert_int_equal(log_close(&err), 0);
}

static void what_is_lost_is_counted_and_said(UNUSED void **state) {
    enum { LINES = 600 };
    char other[120];
    snprintf(other, sizeof(other), "%s/log", folder);
    cleanup(free_ptr) char *text = make_text(50 << 10);
    struct error err;
    to_daemon(LOG_JOURNAL);
    assert_int_equal(log_add_file(other, LOG_LOGFMT, LOG_INFO, &err), 0);
    hear_no_more();
    for (int i = 0; i < LINES; i++)
        log_info("x", LOG_S("v", text));
    int64_t before = clock_now();
    assert_int_equal(log_close(&err), -1);
    assert_true(clock_now() - before < 10 * CLOCK_S);
    assert_int_equal(err.kind, ERROR_STORE);
    assert_non_null(strstr(err.text, "601 log lines did not reach systemd's journal"));
    cleanup(str_done) struct str file = {0};
    assert_int_equal(fd_read_file(other, (size_t)1 << 30, &file, &err), 0);
    unlink(other);
    int lines = 0;
    for (const char *p = file.data; (p = strstr(p, "event=x ")); p++)
        lines++;
    assert_int_equal(lines,
                     LINES); /* the file has them all, and says once what the journal has not */
    const char *said = strstr(file.data, "event=\"log lines lost\"");
    assert_non_null(said);
    assert_null(strstr(said + 1, "event=\"log lines lost\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_journal_gets_a_field_for_each_key, start, stop),
        cmocka_unit_test_setup_teardown(levels_are_priorities, start, stop),
        cmocka_unit_test_setup_teardown(the_run_is_said_from_when_it_is_known, start, stop),
        cmocka_unit_test_setup_teardown(a_value_arrives_byte_for_byte, start, stop),
        cmocka_unit_test_setup_teardown(what_is_too_large_for_a_datagram_goes_as_a_file, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_key_is_cut_where_the_journal_ends_it, start, stop),
        cmocka_unit_test_setup_teardown(syslog_gets_the_line_behind_its_usual_head, start, stop),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut_for_syslog, start, stop),
        cmocka_unit_test_setup_teardown(nobody_there_is_an_error, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_lost_while_the_daemon_is_behind, start, stop),
        cmocka_unit_test_setup_teardown(a_daemon_that_starts_anew_gets_the_rest, start, stop),
        cmocka_unit_test_setup_teardown(what_is_lost_is_counted_and_said, start, stop),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
