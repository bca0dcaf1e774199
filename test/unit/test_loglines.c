/* Lines of a log as columns, and whose log a file is. */
#include "base/fd.h"
#include "store/logfile.h"
#include "store/loglines.h"
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define AT "{\"timestamp\":\"2026-11-22T10:13:44.123Z\",\"level\":\""

static char folder[128];
static int fd;

static int start(UNUSED void **state) {
    char path[160];
    if (!make_test_folder(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/log", folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    unlink(path);
    return fd < 0 ? -1 : 0;
}

static int stop(UNUSED void **state) {
    fd_close(&fd);
    return rmdir(folder);
}

static void put(const char *text) {
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void get(struct loglines *l, int64_t *at, size_t count) {
    struct error err;
    assert_int_equal(loglines_read(l, fd, at, &err), 0);
    assert_int_equal(l->count, count);
}

static void lines_become_columns(UNUSED void **state) {
    cleanup(loglines_done) struct loglines l = {0};
    int64_t at = 0;
    put(AT "info\",\"event\":\"connected\",\"server\":\"web1\",\"seconds\":1}\n" AT
           "error\",\"event\":\"x\",\"detail\":\"a \\\",\\\"server\\\":\\\"no\\\"\"}\n" AT
           "debug\",\"event\":\"y\",\"server\":\"a\\\"b\"}\n");
    get(&l, &at, 3);
    assert_string_equal(l.level.data, "info\nerror\ndebug");
    assert_string_equal(l.server.data, "web1\n\na\"b");
    assert_string_equal(l.at.data, "1795342424123000000\n1795342424123000000\n1795342424123000000");
    assert_int_equal(at, lseek(fd, 0, SEEK_CUR));
    get(&l, &at, 0);
}

static void what_is_no_line_is_passed_over(UNUSED void **state) {
    cleanup(loglines_done) struct loglines l = {0};
    int64_t at = 0;
    put("\n{}\nhello\n" AT "info\n" AT "info\",\"event\":\"cut\n"
        "{\"timestamp\":\"2026-11-22 10:13:44.123Z+\",\"level\":\"info\",\"event\":\"x\"}\n" AT
        "info\",\"event\":\"\xff\"}\n" AT "info\",\"event\":\"good\"}\n");
    assert_int_equal(write(fd, "\0{\n", 3), 3);
    get(&l, &at, 1);
    assert_string_equal(l.line.data, AT "info\",\"event\":\"good\"}");
    assert_int_equal(at, lseek(fd, 0, SEEK_CUR));
}

static void a_line_that_is_not_whole_waits(UNUSED void **state) {
    cleanup(loglines_done) struct loglines l = {0};
    int64_t at = 0;
    put(AT "info\",\"event\":\"one\"}\n" AT "info\",\"ev");
    get(&l, &at, 1);
    get(&l, &at, 0);
    put("ent\":\"two\"}\n");
    get(&l, &at, 1);
    assert_string_equal(l.line.data, AT "info\",\"event\":\"two\"}");
}

static void a_line_may_be_of_any_length(UNUSED void **state) {
    cleanup(loglines_done) struct loglines l = {0};
    cleanup(str_done) struct str line = {0};
    int64_t at = 0;
    str_add(&line, AT "info\",\"event\":\"");
    for (int i = 0; i < 300000; i++)
        str_add(&line, "0123456789");
    str_add(&line, "\"}\n");
    put(line.data);
    get(&l, &at, 1);
    assert_int_equal(l.line.len, line.len - 1);
    get(&l, &at, 0);
}

static void many_lines_come_in_parts(UNUSED void **state) {
    cleanup(loglines_done) struct loglines l = {0};
    cleanup(str_done) struct str all = {0};
    struct error err;
    int64_t at = 0;
    size_t count = 0;
    for (int i = 0; i < 30000; i++)
        str_add(&all, AT "info\",\"event\":\"n\"}\n");
    put(all.data);
    do {
        assert_int_equal(loglines_read(&l, fd, &at, &err), 0);
        assert_true(l.count < 10000);
        count += l.count;
    } while (l.count > 0);
    assert_int_equal(count, 30000);
    assert_int_equal(at, all.len);
}

static void a_file_is_its_writers(UNUSED void **state) {
    struct logfile mine, other, left;
    struct error err;
    char worker[LOGFILE_WORKER_SIZE], host[65] = "";
    assert_int_equal(logfile_make(folder, "20261122-111344-7f3a2c", &mine, &err), 0);
    assert_int_equal(logfile_make(folder, "20261122-111344-7f3a2c", &other, &err), 0);
    assert_string_not_equal(mine.path, other.path);
    assert_false(logfile_take(folder, mine.name, &left));
    logfile_done(&mine);
    assert_true(logfile_take(folder, mine.name, &left));
    gethostname(host, sizeof(host) - 1);
    snprintf(worker, sizeof(worker), "%s:%lld", host, (long long)getpid());
    assert_string_equal(left.worker, worker);
    assert_string_equal(left.run, "20261122-111344-7f3a2c");
    logfile_remove(&left);
    logfile_done(&left);
    assert_false(logfile_take(folder, mine.name, &left));
    logfile_remove(&other);
    logfile_done(&other);
}

static void no_other_file_is_taken(UNUSED void **state) {
    static const char *const names[] = {"20261122-111344-7f3a2c.jsonl",
                                        "a.jsonl",
                                        ".",
                                        "..",
                                        "",
                                        "r.h-1.abcdef.json",
                                        "r.h.abcdef.jsonl",
                                        "r.h-.abcdef.jsonl",
                                        "r.h-1abcdef.jsonl",
                                        "r.h-x1.abcdef.jsonl",
                                        ".h-1.abcdef.jsonl"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct logfile f;
        cleanup(str_done) struct str path = {0};
        str_addf(&path, "%s/%s", folder, names[i]);
        cleanup(fd_close) int made = open(path.data, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (logfile_take(folder, names[i], &f))
            fail_msg("%s was taken", names[i]);
        if (made >= 0)
            unlink(path.data);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(lines_become_columns),           T(what_is_no_line_is_passed_over),
        T(a_line_that_is_not_whole_waits), T(a_line_may_be_of_any_length),
        T(many_lines_come_in_parts),       T(a_file_is_its_writers),
        T(no_other_file_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
