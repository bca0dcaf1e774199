/* fd: see fd.h. Any thread. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd) {
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

int fd_write_all(int fd, const void *data, size_t n) {
    const char *p = data;
    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        p += written;
        n -= (size_t)written;
    }
    return 0;
}

int fd_read_all(int fd, const char *name, size_t max, struct str *out, struct error *err) {
    size_t total = 0;
    for (;;) {
        char *room = str_room(out, 65536);
        if (!room)
            return error_memory(err);
        ssize_t n = read(fd, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_os(err, ERROR_USAGE, errno, "cannot read %s", name);
        if (n == 0) {
            *room = '\0';
            return 0;
        }
        total += (size_t)n;
        if (total > max)
            return error_set(err, ERROR_USAGE, "%s is larger than %zu bytes", name, max);
        out->len += (size_t)n;
    }
}

int fd_read_file(const char *path, size_t max, struct str *out, struct error *err) {
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_os(err, error_os_is_shortage(errno) ? ERROR_INTERNAL : ERROR_USAGE, errno,
                        "cannot read %s", path);
    return fd_read_all(fd, path, max, out, err);
}

int fd_make_folders(const char *path, struct error *err) {
    cleanup(free_ptr) char *copy = strdup(path);
    if (!copy)
        return error_memory(err);
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return error_os(err, ERROR_STORE, errno, "cannot make the folder %s", copy);
        *p = end;
        if (!end)
            return 0;
    }
}
