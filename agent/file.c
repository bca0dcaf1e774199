/*
 * file: see file.h. Pure but for reading.
 */
#include "file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool file_start(const char *path, char *out, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    out[len] = '\0';
    return len > 0;
}

bool file_line(const char *path, char *out, size_t size) {
    if (!file_start(path, out, size))
        return false;
    out[strcspn(out, "\n")] = '\0';
    return out[0] != '\0';
}
