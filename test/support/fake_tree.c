/* fake_tree: see fake_tree.h. */
#include "fake_tree.h"

#include "../unit/test.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void check(int rc, const char *what) {
    if (rc >= 0)
        return;
    perror(what);
    abort();
}

int fake_tree_begin(void **state) {
    (void)state;
    if (!make_test_folder(root))
        return -1;
    file_root(root);
    return 0;
}

const char *fake_tree_root(void) {
    return root;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *ftw) {
    (void)s, (void)kind, (void)ftw;
    return remove(path);
}

int fake_tree_end(void **state) {
    (void)state;
    file_root(NULL);
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path below the root, with the folders above it made. */
static const char *prepare(const char *path) {
    static char full[PATH_MAX];
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        if (mkdir(full, 0755) != 0 && errno != EEXIST)
            check(-1, full);
        *p = '/';
    }
    return full;
}

void fake_bytes(const char *path, const void *bytes, size_t n) {
    path = prepare(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    check(fd, path);
    check(write(fd, bytes, n) == (ssize_t)n ? 0 : -1, path);
    check(ftruncate(fd, (off_t)n), path); /* last: a reader never finds it empty */
    close(fd);
}

void fake_file(const char *path, const char *text) {
    fake_bytes(path, text, strlen(text));
}

void fake_filef(const char *text, const char *format, ...) {
    char path[512];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof(path), format, args);
    va_end(args);
    fake_file(path, text);
}

void fake_folder(const char *path) {
    path = prepare(path);
    check(mkdir(path, 0755), path);
}

void fake_link(const char *path, const char *target) {
    path = prepare(path);
    check(symlink(target, path), path);
}
