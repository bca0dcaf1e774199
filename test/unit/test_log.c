/* What sync/log promises. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "sync/log.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char path[100], path2[100];

static int make_folder(UNUSED void **state) {
    if (!make_test_folder(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/log", folder);
    snprintf(path2, sizeof(path2), "%s/log.2", folder);
    return 0;
}

static int remove_folder(UNUSED void **state) {
    unlink(path);
    unlink(path2);
    return rmdir(folder);
}

static int start(UNUSED void **state) {
    struct error err;
    unlink(path);
    unlink(path2);
    return log_open(&err);
}

static int stop(UNUSED void **state) {
    struct error err;
    (void)!log_close(&err);
    return 0;
}

static void to_file(const char *file, enum log_format format, enum log_level level) {
    struct error err;
    if (log_add_file(file, format, level, &err) < 0)
        fail_msg("%s", err.text);
}

static void flush(void) {
    assert_true(log_flush(deadline_in(20 * CLOCK_S)));
}

/* The file's bytes, until the next call. */
static char *content(const char *file, size_t *n) {
    static struct str text;
    struct error err;
    str_clear(&text);
    str_add(&text, "");
    if (fd_read_file(file, (size_t)1 << 30, &text, &err) < 0)
        fail_msg("%s", err.text);
    if (n)
        *n = text.len;
    return text.data;
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    while ((text = strstr(text, what))) {
        n++;
        text += strlen(what);
    }
    return n;
}

static void writes_what_was_logged_before_a_flush(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    log_info("hello", LOG_S("s", "a b"), LOG_I("i", -5), LOG_F("f", 1.5));
    flush();
    const char *text = content(path, NULL);
    assert_int_equal(strncmp(text, "timestamp=2", 11), 0);
    assert_non_null(strstr(text, "Z level=info event=hello s=\"a b\" i=-5 f=1.5\n"));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_file_that_is_dropped_has_what_was_said_before(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    to_file(path2, LOG_LOGFMT, LOG_INFO);
    log_info("before");
    log_drop_file(path);
    log_drop_file("/nowhere");
    log_info("after");
    flush();
    assert_non_null(strstr(content(path, NULL), " event=before\n"));
    assert_null(strstr(content(path, NULL), "after"));
    assert_non_null(strstr(content(path2, NULL), " event=after\n"));
}

static void copies_what_it_is_given(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    char value[10] = "before", item[10] = "item", event[10] = "event";
    const char *items[] = {item, "b"};
    log_bind("server", value);
    log_info(event, LOG_S("v", value), LOG_L("l", items, 2));
    memset(value, 'X', 9), memset(item, 'X', 9), memset(event, 'X', 9);
    items[0] = NULL;
    log_unbind("server");
    flush();
    assert_non_null(
        strstr(content(path, NULL), " event=event server=before v=before l=[item,b]\n"));
}

static void does_nothing_unless_open(UNUSED void **state) {
    struct error err;
    log_info("before");
    log_write(LOG_ERROR, "before, without the macro", &(struct log_field){.key = NULL});
    log_bind("server", "x");
    log_unbind("server");
    log_reopen();
    assert_true(log_flush(DEADLINE_NEVER));
    assert_int_equal(log_add_file(path, LOG_JSON, LOG_INFO, &err), -1);
    assert_int_equal(log_close(&err), 0);
    assert_int_equal(log_open(&err), 0);
    assert_int_equal(log_close(&err), 0);
    assert_int_equal(log_close(&err), 0);
    log_error("after");
    log_write(LOG_ERROR, "after, without the macro", &(struct log_field){.key = NULL});
    assert_true(log_flush(DEADLINE_NEVER));
}

static void binds_and_replaces_and_unbinds(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    log_bind("server", "web1");
    log_bind("benchmark", "cpu");
    log_bind("trial", "1");
    log_info("a", LOG_I("n", 1));
    log_bind("benchmark", "a longer one");
    log_info("b");
    log_info("c", LOG_S("server", "mine"), LOG_I("n", 2));
    log_unbind("benchmark");
    log_unbind("benchmark");
    log_info("d");
    log_unbind("trial");
    log_bind("server", NULL);
    log_info("e");
    flush();
    const char *text = content(path, NULL);
    assert_non_null(strstr(text, " event=a server=web1 benchmark=cpu trial=1 n=1\n"));
    assert_non_null(strstr(text, " event=b server=web1 benchmark=\"a longer one\" trial=1\n"));
    assert_non_null(strstr(text, " event=c benchmark=\"a longer one\" trial=1 server=mine n=2\n"));
    assert_non_null(strstr(text, " event=d server=web1 trial=1\n"));
    assert_non_null(strstr(text, " event=e\n"));
}

static void binds_eight_keys_at_most(UNUSED void **state) {
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    to_file(path, LOG_LOGFMT, LOG_INFO);
    for (size_t i = 0; i < 9; i++)
        log_bind(keys[i], "1");
    log_info("x");
    for (size_t i = 0; i < 9; i++)
        log_unbind(keys[i]);
    flush();
    assert_non_null(strstr(content(path, NULL), " event=x a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1\n"));
}

static void *log_unbound(UNUSED void *arg) {
    log_info("from a thread");
    log_bind("server", "of the thread"); /* and left bound at its end */
    return NULL;
}

static void threads_inherit_nothing(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    log_bind("server", "web1");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, log_unbound, NULL), 0);
    pthread_join(thread, NULL);
    log_info("from main");
    log_unbind("server");
    flush();
    const char *text = content(path, NULL);
    assert_non_null(strstr(text, " event=\"from a thread\"\n"));
    assert_non_null(strstr(text, " event=\"from main\" server=web1\n"));
}

static void sinks_have_formats_and_levels(UNUSED void **state) {
    to_file(path, LOG_JSON, LOG_DEBUG);
    log_debug("before the second");
    to_file(path2, LOG_CONSOLE, LOG_WARNING);
    cleanup(fd_close) int fd = open(path2, O_WRONLY | O_APPEND);
    struct error err;
    assert_int_equal(log_add_fd(fd, LOG_JSON, LOG_ERROR, &err), 0);
    log_debug("one");
    log_info("two");
    log_warning("three");
    log_error("four");
    flush();
    const char *text = content(path, NULL);
    assert_int_equal(count(text, "{\"timestamp\""), 5);
    assert_non_null(strstr(text, "\"debug\",\"event\":\"before the second\"}\n"));
    text = content(path2, NULL);
    assert_int_equal(count(text, "\n"), 3);
    assert_null(strstr(text, "two"));
    assert_non_null(strstr(text, " [warning  ] three\n"));
    assert_non_null(strstr(text, " [error    ] four\n"));
    assert_non_null(strstr(text, "\"level\":\"error\",\"event\":\"four\"}\n"));
}

static void sinks_of_one_format_get_the_same_bytes(UNUSED void **state) {
    to_file(path, LOG_CONSOLE, LOG_INFO);
    to_file(path2, LOG_CONSOLE, LOG_INFO);
    for (int i = 0; i < 3000; i++)
        log_info("line", LOG_I("i", i));
    flush();
    size_t n;
    char *first = strdup(content(path, &n));
    assert_string_equal(content(path2, NULL), first);
    assert_int_equal(count(first, "\n"), 3000);
    free(first);
}

static void *say_of_a_run(void *run) {
    assert_null(log_thread_run());
    log_name_thread(run);
    log_info("mine", LOG_S("of", run));
    return NULL;
}

static void a_file_of_a_run_has_no_other_runs_lines(UNUSED void **state) {
    struct error err;
    pthread_t threads[2];
    to_file(path, LOG_LOGFMT, LOG_INFO);
    assert_int_equal(log_add_run_file(path2, "r1", LOG_LOGFMT, LOG_INFO, &err), 0);
    log_say_run();
    log_info("of none");
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, say_of_a_run, i ? "r2" : "r1");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    log_name_run("r2");
    log_info("program");
    flush();
    const char *text = content(path2, NULL);
    assert_int_equal(count(text, "\n"), 2);
    assert_non_null(strstr(text, "event=\"of none\"\n"));
    assert_non_null(strstr(text, "event=mine run=r1 of=r1\n"));
    text = content(path, NULL);
    assert_int_equal(count(text, "\n"), 4);
    assert_non_null(strstr(text, "event=mine run=r2 of=r2\n"));
    assert_non_null(strstr(text, "event=program run=r2\n"));
    log_name_run(NULL);
}

static void an_unknown_place_is_an_error(UNUSED void **state) {
    struct error err;
    assert_int_equal(log_add_file("/no/such/folder", LOG_JSON, LOG_INFO, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "/no/such/folder"));
    assert_int_equal(log_add_file("/tmp", LOG_JSON, LOG_INFO, &err), -1);
    assert_non_null(strstr(err.text, "Is a directory"));
    assert_int_equal(log_add_fd(900, LOG_JSON, LOG_INFO, &err), -1);
    cleanup(fd_close) int fd = open("/dev/null", O_RDONLY);
    assert_int_equal(log_add_fd(fd, LOG_JSON, LOG_INFO, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
}

/* Cuts the first line off *text. */
static const char *next_line(char **text) {
    char *line = *text;
    char *end = strchr(line, '\n');
    assert_non_null(end);
    *end = '\0';
    *text = end + 1;
    return line;
}

#define THREADS 32
#define LINES 2000

static void *log_many(void *arg) {
    const int *id = arg;
    char name[20];
    snprintf(name, sizeof(name), "t%d", *id);
    log_bind("server", name);
    for (int i = 0; i < LINES; i++)
        log_info("many", LOG_I("n", i));
    return NULL;
}

static void threads_write_whole_lines_in_their_order(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    pthread_t threads[THREADS];
    int ids[THREADS], next[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, &ids[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    flush();
    char *text = content(path, NULL);
    char stamp[25], before[25] = "";
    for (int i = 0; i < THREADS * LINES; i++) {
        int id, n, used = 0;
        const char *line = next_line(&text);
        sscanf(line, "timestamp=%24s level=info event=many server=t%d n=%d%n", stamp, &id, &n,
               &used);
        assert_true(used > 0 && line[used] == '\0');
        assert_int_equal(n, next[id]++);
        assert_true(strcmp(before, stamp) <= 0);
        memcpy(before, stamp, sizeof(stamp));
    }
    assert_int_equal(*text, '\0');
}

static void reopens_its_file_in_order(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    for (int i = 0; i < 1000; i++)
        log_info("old", LOG_I("i", i));
    flush();
    assert_int_equal(rename(path, path2), 0);
    log_info("still the old one");
    log_reopen();
    log_info("new");
    flush();
    const char *text = content(path, NULL);
    assert_int_equal(count(text, "\n"), 1);
    assert_non_null(strstr(text, " event=new\n"));
    text = content(path2, NULL);
    assert_int_equal(count(text, "\n"), 1001);
    assert_non_null(strstr(text, " event=\"still the old one\"\n"));
}

static void keeps_its_file_when_it_cannot_reopen(UNUSED void **state) {
    to_file(path, LOG_LOGFMT, LOG_INFO);
    flush();
    assert_int_equal(rename(path, path2), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    log_reopen();
    log_info("after");
    flush();
    rmdir(path);
    const char *text = content(path2, NULL);
    assert_non_null(strstr(text, "level=error event=\"log not reopened\" detail=\"cannot open "));
    assert_non_null(strstr(text, " event=after\n"));
}

static void a_full_disk_harms_no_other_sink(UNUSED void **state) {
    struct error err;
    to_file("/dev/full", LOG_LOGFMT, LOG_INFO);
    to_file(path, LOG_LOGFMT, LOG_ERROR);
    log_info("one");
    flush();
    for (int i = 0; i < 1000; i++)
        log_error("more", LOG_I("i", i));
    assert_int_equal(log_close(&err), -1);
    assert_int_equal(err.kind, ERROR_STORE);
    assert_int_equal(err.os, ENOSPC);
    assert_non_null(strstr(err.text, "/dev/full"));
    const char *text = content(path, NULL);
    assert_int_equal(count(text, "event=more"), 1000);
    assert_int_equal(count(text, "event=\"log given up\""), 1);
    assert_non_null(strstr(text, "/dev/full: No space left"));
}

static void a_closed_pipe_harms_no_other_sink(UNUSED void **state) {
    struct error err;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    assert_int_equal(log_add_fd(ends[1], LOG_CONSOLE, LOG_INFO, &err), 0);
    to_file(path, LOG_LOGFMT, LOG_INFO);
    log_info("one");
    flush();
    log_info("two");
    assert_int_equal(log_close(&err), -1);
    assert_int_equal(err.os, EPIPE);
    close(ends[1]);
    const char *text = content(path, NULL);
    assert_non_null(strstr(text, " event=one\n"));
    assert_int_equal(count(text, "log given up"), 1);
    assert_non_null(strstr(text, " event=two\n"));
}

static void *read_all(void *arg) {
    const int *fd = arg;
    static struct str text;
    struct error err;
    str_clear(&text);
    str_add(&text, "");
    return fd_read_all(*fd, "pipe", (size_t)1 << 30, &text, &err) == 0 ? &text : NULL;
}

static void check_numbers(char *text, int lines) {
    for (int i = 0; i < lines; i++) {
        int n = -1;
        sscanf(next_line(&text), "timestamp=%*s level=info event=line n=%d", &n);
        assert_int_equal(n, i);
    }
    assert_int_equal(*text, '\0');
}

/* Logs into a pipe that nobody reads, then reads it. */
static void block_and_read(int flags, int lines) {
    struct error err;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, flags), 0);
    assert_int_equal(log_add_fd(ends[1], LOG_LOGFMT, LOG_INFO, &err), 0);
    for (int i = 0; i < lines; i++)
        log_info("line", LOG_I("n", i));
    int64_t before = clock_now();
    assert_false(log_flush(deadline_in(50 * CLOCK_MS)));
    assert_true(clock_now() - before >= 50 * CLOCK_MS);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    flush();
    assert_int_equal(log_close(&err), 0);
    close(ends[1]);
    void *text;
    pthread_join(reader, &text);
    close(ends[0]);
    assert_non_null(text);
    check_numbers(((struct str *)text)->data, lines);
}

static void a_blocked_pipe_stops_no_caller(UNUSED void **state) {
    block_and_read(0, 100000);
}

static void a_pipe_that_does_not_block_is_waited_for(UNUSED void **state) {
    block_and_read(O_NONBLOCK, 20000);
}

struct flood {
    char *big;
    int lines;
    _Atomic int done;
};

static void *log_flood(void *arg) {
    struct flood *f = arg;
    for (int i = 0; i < f->lines; i++) {
        log_info("flood", LOG_I("n", i), LOG_S("big", f->big));
        atomic_fetch_add(&f->done, 1);
    }
    return NULL;
}

static void callers_wait_when_too_much_is_pending(UNUSED void **state) {
    struct error err;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(log_add_fd(ends[1], LOG_LOGFMT, LOG_INFO, &err), 0);
    struct flood f = {.big = malloc(1 << 20), .lines = 100};
    memset(f.big, 'x', (1 << 20) - 1);
    f.big[(1 << 20) - 1] = '\0';
    pthread_t writer, reader;
    assert_int_equal(pthread_create(&writer, NULL, log_flood, &f), 0);
    for (int still = 0, last = -1; still < 20;) {
        poll(NULL, 0, 10);
        still = f.done == last ? still + 1 : 0;
        last = f.done;
    }
    assert_in_range(f.done, 62, 64);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    pthread_join(writer, NULL);
    assert_int_equal(log_close(&err), 0);
    close(ends[1]);
    void *text;
    pthread_join(reader, &text);
    assert_int_equal(count(((struct str *)text)->data, " event=flood n="), f.lines);
    close(ends[0]);
    free(f.big);
}

static void a_hostile_value_forges_no_line(UNUSED void **state) {
    size_t n = 1 << 20;
    char *big = malloc(n + 1);
    static const char bytes[] = "\n\x1b[2K\"=\\ \xff\r\xc2\x9b\xe2\x80\xa8 server=web1";
    for (size_t i = 0; i < n; i++)
        big[i] = bytes[i % (sizeof(bytes) - 1)];
    big[n] = '\0';
    to_file(path, LOG_CONSOLE, LOG_INFO);
    to_file(path2, LOG_JSON, LOG_INFO);
    log_bind("server", big);
    log_info("hostile", LOG_S("v", big));
    log_unbind("server");
    log_info("end");
    flush();
    const char *const files[] = {path, path2};
    for (size_t f = 0; f < 2; f++) {
        const char *text = content(files[f], &n);
        assert_int_equal(count(text, "\n"), 2);
        assert_true(n > (size_t)2 << 20);
        for (size_t i = 0; i + 1 < n;) {
            size_t len = text_printable_length(text + i, n - i);
            if (len == 0 && text[i] != '\n')
                fail_msg("byte %02x at %zu", (unsigned char)text[i], i);
            i += len ? len : 1;
        }
    }
    free(big);
}

/* In a process of its own, whose standard error is closed. */
static void lives_without_standard_error(UNUSED void **state) {
    pid_t child = fork();
    if (child == 0) {
        struct error err;
        close(2);
        bool fine = log_open(&err) == 0 && log_add_fd(2, LOG_CONSOLE, LOG_INFO, &err) == -1 &&
                    err.kind == ERROR_USAGE && log_add_file(path, LOG_LOGFMT, LOG_INFO, &err) == 0;
        log_info("alive");
        fine = fine && log_close(&err) == 0;
        _exit(fine ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_non_null(strstr(content(path, NULL), " event=alive\n"));
}

static void close_writes_what_is_left(UNUSED void **state) {
    struct error err;
    to_file(path, LOG_LOGFMT, LOG_INFO);
    for (int i = 0; i < 50000; i++)
        log_info("line", LOG_I("n", i));
    assert_int_equal(log_close(&err), 0);
    check_numbers(content(path, NULL), 50000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_without_standard_error),
        cmocka_unit_test(does_nothing_unless_open),
        T(writes_what_was_logged_before_a_flush),
        T(a_file_that_is_dropped_has_what_was_said_before),
        T(copies_what_it_is_given),
        T(binds_and_replaces_and_unbinds),
        T(binds_eight_keys_at_most),
        T(threads_inherit_nothing),
        T(sinks_have_formats_and_levels),
        T(sinks_of_one_format_get_the_same_bytes),
        T(a_file_of_a_run_has_no_other_runs_lines),
        T(an_unknown_place_is_an_error),
        T(threads_write_whole_lines_in_their_order),
        T(reopens_its_file_in_order),
        T(keeps_its_file_when_it_cannot_reopen),
        T(a_full_disk_harms_no_other_sink),
        T(a_closed_pipe_harms_no_other_sink),
        T(a_blocked_pipe_stops_no_caller),
        T(a_pipe_that_does_not_block_is_waited_for),
        T(callers_wait_when_too_much_is_pending),
        T(a_hostile_value_forges_no_line),
        T(close_writes_what_is_left),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
