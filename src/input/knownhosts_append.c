/*
 * knownhosts_append: see knownhosts.h.
 *
 * Threads of one run, and several runs, append to one file: flock() on a descriptor of its own
 * keeps them apart, and the line is written by one write(), because ssh itself appends without a
 * lock. A symbolic link is followed, as ssh does: people keep known_hosts in a repository of
 * theirs.
 *
 * With 10,000 new servers the file is searched 10,000 times while it grows, so it is parsed only
 * when the key's text occurs in it.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "input/hosthash.h"
#include "input/hostkey.h"
#include "input/knownhosts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 256 << 20 };

static int lock_file(int fd, const char *file, struct error *err) {
    int64_t deadline = deadline_in(5 * CLOCK_S);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_os(err, ERROR_HOST_KEY, errno, "cannot lock %s", file);
        if (clock_now() >= deadline)
            return error_set(err, ERROR_HOST_KEY, "%s is locked by another program", file);
        nanosleep(&(struct timespec){.tv_nsec = 2 * CLOCK_MS}, NULL);
    }
    return 0;
}

static int make_folder(const char *file, struct error *err) {
    const char *slash = strrchr(file, '/');
    if (!slash || slash == file)
        return 0;
    cleanup(free_ptr) char *folder = strndup(file, (size_t)(slash - file));
    if (!folder)
        return error_memory(err);
    if (access(folder, F_OK) == 0)
        return 0;
    int rc = fd_make_folders(folder, err);
    if (rc < 0 && err->kind == ERROR_STORE)
        err->kind = ERROR_HOST_KEY;
    return rc;
}

/* Opens and locks the file; *ret is -1 when it is no regular one, where nothing can be kept. */
static int open_locked(const char *file, int *ret, struct error *err) {
    if (make_folder(file, err) < 0)
        return -1;
    /* O_NONBLOCK: the path may be a pipe that nobody reads */
    cleanup(fd_close) int fd =
        open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return error_os(err, ERROR_HOST_KEY, errno, "cannot write %s", file);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_os(err, ERROR_HOST_KEY, errno, "cannot write %s", file);
    if (!S_ISREG(st.st_mode)) {
        *ret = -1;
        return 0;
    }
    if (lock_file(fd, file, err) < 0)
        return -1;
    *ret = fd_take(&fd);
    return 0;
}

static int check_line(const char *file, const char *host, const char *type, const char *key,
                      struct error *err) {
    cleanup(str_done) struct str scratch = {0};
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("@?*#[]|'\"\\,!", *p))
            return error_set(err, ERROR_HOST_KEY,
                             "the host's name has characters that cannot stand in %s", file);
    const char *plain = hostkey_type(type, strlen(type), key, strlen(key), &scratch);
    if (scratch.failed)
        return error_memory(err);
    if (!*host || !plain || strcmp(plain, type) != 0)
        return error_set(err, ERROR_HOST_KEY, "not a host key, not added to %s", file);
    return 0;
}

static int make_line(struct str *line, const char *host, int port, const char *type,
                     const char *key, bool hashed, struct error *err) {
    cleanup(str_done) struct str name = {0};
    if (port == 0 || port == 22)
        str_add(&name, host);
    else
        str_addf(&name, "[%s]:%d", host, port);
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] >= 'A' && name.data[i] <= 'Z')
            name.data[i] += 'a' - 'A';
    if (name.failed)
        return error_memory(err);
    if (hashed) {
        char text[HOSTHASH_TEXT];
        if (hosthash_write(name.data, text, err) < 0)
            return -1;
        str_clear(&name);
        str_add(&name, text);
    }
    str_addf(line, "%s %s %s\n", name.data ? name.data : "", type, key);
    return line->failed || name.failed ? error_memory(err) : 0;
}

/* 1: the file has the key for the host. */
static int has_key(const char *file, const struct str *text, const char *host, int port,
                   const char *key, struct error *err) {
    if (!text->len || !memmem(text->data, text->len, key, strlen(key)))
        return 0;
    struct knownhosts *k;
    if (knownhosts_load(&file, 1, &k, err) < 0)
        return -1;
    struct knownhosts_answer a;
    knownhosts_check(k, host, port, key, &a);
    knownhosts_free(k);
    return a.status == KNOWNHOSTS_MATCH;
}

int knownhosts_append(const char *file, const char *host, int port, const char *type,
                      const char *key, bool hashed, struct error *err) {
    cleanup(str_done) struct str line = {0};
    cleanup(str_done) struct str text = {0};
    cleanup(fd_close) int fd = -1;
    if (check_line(file, host, type, key, err) < 0 || open_locked(file, &fd, err) < 0)
        return -1;
    if (fd < 0)
        return 0;
    if (fd_read_all(fd, file, FILE_MAX, &text, err) < 0) {
        if (err->kind == ERROR_USAGE)
            err->kind = ERROR_HOST_KEY;
        return -1;
    }
    int found = has_key(file, &text, host, port, key, err);
    if (found != 0)
        return found < 0 ? -1 : 0;
    if (text.len && text.data[text.len - 1] != '\n')
        str_add_char(&line, '\n');
    if (make_line(&line, host, port, type, key, hashed, err) < 0)
        return -1;
    if (fd_write_all(fd, line.data, line.len) < 0)
        return error_os(err, ERROR_HOST_KEY, errno, "cannot write %s", file);
    return 0;
}
