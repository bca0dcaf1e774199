/*
 * file: see file.h. Pure but for reading; the root is set before anything is read, if it is.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *root = "";

void file_root(const char *folder) {
    root = folder ? folder : "";
}

/* The path below the root, in `out`; NULL when it is too long. */
static const char *below_root(const char *path, char out[PATH_MAX]) {
    if (*root == '\0')
        return path;
    if (snprintf(out, PATH_MAX, "%s%s", root, path) < PATH_MAX)
        return out;
    errno = ENAMETOOLONG;
    return NULL;
}

int file_open(const char *path) {
    char full[PATH_MAX];
    path = below_root(path, full);
    return path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
}

DIR *file_folder(const char *path) {
    char full[PATH_MAX];
    path = below_root(path, full);
    return path ? opendir(path) : NULL;
}

bool file_link(const char *path, char *out, size_t size) {
    char full[PATH_MAX], target[PATH_MAX];
    path = below_root(path, full);
    ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;
    if (n <= 0)
        return false;
    target[n] = '\0';
    const char *slash = strrchr(target, '/');
    return snprintf(out, size, "%s", slash ? slash + 1 : target) > 0;
}

bool file_start(const char *path, char *out, size_t size) {
    int fd = file_open(path);
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

bool file_parse_number(const char *text, int64_t *ret) {
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long long n = strtoll(text, NULL, 10);
    if (errno != 0 || n > INT64_C(1) << 62)
        return false;
    *ret = n;
    return true;
}

bool file_number(const char *path, int64_t *ret) {
    char text[32];
    return file_line(path, text, sizeof(text)) && file_parse_number(text, ret);
}
