/*
 * fd: file descriptors that close themselves, and whole reads and writes.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>

/* For cleanup(): closes *fd when it is not negative, and sets it to -1. Preserves errno. */
void fd_close(int *fd);

/* Hands a descriptor over: returns it and leaves -1 behind. */
static inline int fd_take(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Writes all of it, going on after EINTR and short writes. Returns 0, or -1 with errno. */
int fd_write_all(int fd, const void *data, size_t n) must_use;

/*
 * Appends the file at `path` to *out. A directory, an unreadable file, or one of more than `max`
 * bytes is an error of kind ERROR_USAGE whose sentence names the path; want of a descriptor or of
 * memory is ERROR_INTERNAL.
 */
int fd_read_file(const char *path, size_t max, struct str *out, struct error *err) must_use;

/* As fd_read_file(), from an open descriptor that errors call `name`. */
int fd_read_all(int fd, const char *name, size_t max, struct str *out, struct error *err) must_use;

/* Makes the folder `path` and those above it (mode 0700 for new ones). Fails with ERROR_STORE. */
int fd_make_folders(const char *path, struct error *err) must_use;
