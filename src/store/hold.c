/*
 * hold: see hold.h.
 *
 * The kernel does not tell who has an open file description lock, but how many bytes it covers: as
 * many as the number of the process. All begin at the file's first byte, so that any two of them
 * exclude each other. The lock says nothing about reading and writing the file.
 */
#include "store/hold.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TRIES 100

static int64_t holder_of(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_len;
}

int64_t hold_holder(const char *path) {
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? 0 : holder_of(fd);
}

static int open_file(const char *path, struct error *err) {
    cleanup(free_ptr) char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
    if (!folder)
        return error_memory(err);
    if (fd_make_folders(folder, err) < 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    return fd < 0 ? error_os(err, ERROR_STORE, errno, "cannot open %s", path) : fd;
}

int hold_take(const char *path, int64_t *holder, struct error *err) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = getpid()};
    *holder = 0;
    cleanup(fd_close) int fd = open_file(path, err);
    if (fd < 0)
        return -1;
    /* again, when it was let go between the two questions */
    for (int i = 0; i < TRIES; i++) {
        if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
            return fd_take(&fd);
        if (errno != EAGAIN && errno != EACCES)
            break;
        *holder = holder_of(fd);
        if (*holder > 0)
            return error_set(err, ERROR_USAGE, "%s is locked by process %lld", path,
                             (long long)*holder);
    }
    return error_os(err, ERROR_STORE, errno, "cannot lock %s", path);
}
