/* copylog: see copylog.h. */
#include "store/copylog.h"

#include "base/attr.h"
#include "base/fd.h"
#include "store/crew.h"
#include "store/database.h"
#include "store/hold.h"
#include "store/logread.h"
#include "store/worklog.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of lines that go together. The connection to PostgreSQL has some dozens of batches in memory. */
#define BATCH_BYTES ((size_t)1 << 17)

static void close_log(struct store_log **l) {
    store_log_close(*l);
}

/* *ret is NULL where there is none. */
static int open_log(struct store *from, const char *run_id, struct store_log **ret,
                    struct error *err) {
    const struct store_log_wanted all = {0};
    *ret = NULL;
    if (store_log_open(from, run_id, &all, ret, err) == 0)
        return 0;
    return err->kind == ERROR_USAGE && err->os == ENOENT ? 0 : -1;
}

/* ---- into a table ---- */

struct table {
    struct store *to;
    int64_t run, file;
    struct loglines lines;
};

static int write_batch(struct table *t, struct error *err) {
    if (t->lines.count == 0)
        return 0;
    int rc = worklog_add_lines(t->to, t->run, t->file, &t->lines, err);
    loglines_clear(&t->lines);
    return rc;
}

static int write_lines(struct store_log *log, struct table *t, struct error *err) {
    const char *line;
    int64_t place;
    ssize_t n;
    while ((n = store_log_next(log, &line, &place, err)) > 0) {
        if (loglines_add(&t->lines, line, (size_t)n, err) < 0)
            return -1;
        if (t->lines.line.len >= BATCH_BYTES && write_batch(t, err) < 0)
            return -1;
    }
    return n < 0 ? -1 : write_batch(t, err);
}

/* The file that these lines are said to be of. Who said a line stands in it, where that is known.
 */
static int add_file(struct table *t, const char *run_id, struct error *err) {
    char name[RUN_ID_SIZE + sizeof(".jsonl")];
    snprintf(name, sizeof(name), "%s.jsonl", run_id);
    return worklog_add_file(t->to, t->run, name, NULL, &t->file, err);
}

int copylog_to_table(struct store *from, struct store *to, const char *run_id, int64_t number,
                     struct error *err) {
    struct table t = {.to = to, .run = number, .lines = {.in_order = true, .latest = INT64_MIN}};
    cleanup(close_log) struct store_log *log = NULL;
    if (open_log(from, run_id, &log, err) < 0)
        return -1;
    if (!log)
        return 0;
    int rc = add_file(&t, run_id, err) < 0 ? -1 : write_lines(log, &t, err);
    loglines_done(&t.lines);
    return rc;
}

/* ---- into a file ---- */

/* Stores in one folder have their logs in one, too. */
static bool is_same_file(const struct store *from, const struct store *to, const char *run_id) {
    cleanup(free_ptr) char *a = store_log_path(from, run_id);
    cleanup(free_ptr) char *b = store_log_path(to, run_id);
    struct stat there, here;
    return !store_is_shared(from) && a && b && stat(a, &there) == 0 && stat(b, &here) == 0 &&
           there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static int put(int fd, const char *path, struct str *buffer, struct error *err) {
    int rc = buffer->failed ? error_memory(err)
             : fd_write_all(fd, buffer->data, buffer->len) < 0
                 ? error_os(err, ERROR_STORE, errno, "cannot write the log %s", path)
                 : 0;
    str_clear(buffer);
    return rc;
}

static int write_file(struct store_log *log, int fd, const char *path, struct error *err) {
    cleanup(str_done) struct str buffer = {0};
    const char *line;
    int64_t place;
    ssize_t n;
    if (ftruncate(fd, 0) < 0)
        return error_os(err, ERROR_STORE, errno, "cannot write the log %s", path);
    while ((n = store_log_next(log, &line, &place, err)) > 0) {
        str_add_bytes(&buffer, line, (size_t)n);
        if (buffer.len >= BATCH_BYTES && put(fd, path, &buffer, err) < 0)
            return -1;
    }
    if (n < 0 || (buffer.len > 0 && put(fd, path, &buffer, err) < 0))
        return -1;
    return fsync(fd) < 0 ? error_os(err, ERROR_STORE, errno, "cannot write the log %s", path) : 0;
}

int copylog_to_file(struct store *from, struct store *to, const char *run_id,
                    struct copylog_file *ret, struct error *err) {
    cleanup(free_ptr) char *path = store_log_path(to, run_id);
    cleanup(close_log) struct store_log *log = NULL;
    int64_t holder, number;
    if (!path)
        return error_memory(err);
    bool same = is_same_file(from, to, run_id);
    if (!same && open_log(from, run_id, &log, err) < 0)
        return -1;
    cleanup(fd_close) int fd = hold_take(path, &holder, err);
    if (fd < 0 || database_seek_run(to, run_id, &number, err) < 0)
        return -1;
    if (number) {
        *ret = (struct copylog_file){.hold = fd_take(&fd), .there = true};
        return 0;
    }
    if (log && write_file(log, fd, path, err) < 0) {
        unlink(path);
        return -1;
    }
    *ret = (struct copylog_file){.hold = fd_take(&fd), .copied = !same, .empty = !same && !log};
    return 0;
}
