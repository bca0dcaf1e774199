/*
 * logfile: see logfile.h.
 *
 * Between making a file and locking it another process may take it for one that was left behind,
 * and take it away: then another one is made.
 */
#include "store/logfile.h"

#include "base/attr.h"
#include "base/fd.h"
#include "store/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".jsonl"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)
#define UNIQUE_LEN 7 /* a dot and six characters that make the name the only one */
#define HOST_MAX 64
#define TRIES 100

/* Copies n bytes; whether there is room for them. */
static bool copy(char *to, size_t room, const char *from, size_t n) {
    if (n == 0 || n >= room)
        return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

/* Reads RUN.HOST-PID.XXXXXX.jsonl. */
static bool read_name(struct logfile *f) {
    size_t run = strcspn(f->name, "."), len = strlen(f->name);
    if (len <= run + 1 + UNIQUE_LEN + SUFFIX_LEN ||
        strcmp(f->name + len - SUFFIX_LEN, SUFFIX) != 0 ||
        f->name[len - SUFFIX_LEN - UNIQUE_LEN] != '.' ||
        !copy(f->run, sizeof(f->run), f->name, run) ||
        !copy(f->worker, sizeof(f->worker), f->name + run + 1,
              len - SUFFIX_LEN - UNIQUE_LEN - run - 1))
        return false;
    char *pid = strrchr(f->worker, '-');
    if (!pid || !pid[1] || strspn(pid + 1, "0123456789") != strlen(pid + 1))
        return false;
    *pid = ':';
    return true;
}

static bool set_path(struct logfile *f, const char *folder) {
    if (asprintf(&f->path, "%s/%s", folder, f->name) >= 0)
        return true;
    f->path = NULL;
    return false;
}

/* Whether the file that is locked still is the one at its path. */
static bool is_there(const struct logfile *f) {
    struct stat st;
    return fstat(f->fd, &st) == 0 && st.st_nlink > 0;
}

static int make(const char *folder, const char *run_id, struct logfile *f, struct error *err) {
    char host[HOST_MAX + 1] = "";
    int64_t other;
    *f = (struct logfile){.fd = -1};
    gethostname(host, sizeof(host) - 1);
    if (asprintf(&f->path, "%s/%s.%s-%lld.XXXXXX" SUFFIX, folder, run_id, host,
                 (long long)getpid()) < 0) {
        f->path = NULL;
        return error_memory(err);
    }
    cleanup(fd_close) int made = mkostemps(f->path, SUFFIX_LEN, O_CLOEXEC);
    if (made < 0)
        return error_os(err, ERROR_STORE, errno, "cannot make the log %s", f->path);
    snprintf(f->name, sizeof(f->name), "%s", strrchr(f->path, '/') + 1);
    if (!read_name(f))
        return error_set(err, ERROR_STORE, "the name of this machine, %s, is of no use in %s", host,
                         f->path);
    f->fd = hold_take(f->path, &other, err);
    return f->fd < 0 && !other ? -1 : 0;
}

int logfile_make(const char *folder, const char *run_id, struct logfile *ret, struct error *err) {
    if (fd_make_folders(folder, err) < 0)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        if (make(folder, run_id, ret, err) < 0) {
            logfile_done(ret);
            return -1;
        }
        if (ret->fd >= 0 && is_there(ret))
            return 0;
        logfile_done(ret);
    }
    return error_set(err, ERROR_STORE, "cannot keep a log in %s: it is taken away", folder);
}

bool logfile_take(const char *folder, const char *name, struct logfile *ret) {
    struct error ignored;
    int64_t other;
    *ret = (struct logfile){.fd = -1};
    if (!copy(ret->name, sizeof(ret->name), name, strlen(name)) || !read_name(ret) ||
        !set_path(ret, folder))
        return false;
    if (access(ret->path, W_OK) == 0)
        ret->fd = hold_take(ret->path, &other, &ignored);
    if (ret->fd >= 0)
        return true;
    logfile_done(ret);
    return false;
}

void logfile_remove(const struct logfile *f) {
    unlink(f->path);
}

void logfile_done(struct logfile *f) {
    fd_close(&f->fd);
    free(TAKE(f->path));
}
