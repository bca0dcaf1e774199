/*
 * tmpdir: see tmpdir.h. One per process; made lazily, because most sessions need none.
 */
#include "tmpdir.h"

#include "base/attr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 200 /* a descriptor each */

static char path[512];

const char *tmpdir_get(void) {
    const char *const places[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};
    for (size_t i = 0; !path[0] && i < ARRAY_LEN(places); i++) {
        if (!places[i] || places[i][0] != '/')
            continue;
        if ((size_t)snprintf(path, sizeof(path), "%s/muster-XXXXXX", places[i]) >= sizeof(path) ||
            !mkdtemp(path))
            path[0] = '\0';
    }
    return path[0] ? path : NULL;
}

static void remove_at(int parent, const char *name, int depth) {
    if (unlinkat(parent, name, 0) == 0)
        return;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 && depth < DEPTH_MAX ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    fchmod(fd, 0700);
    struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_at(fd, entry->d_name, depth + 1);
    closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void tmpdir_remove(void) {
    if (path[0])
        remove_at(AT_FDCWD, path, 0);
    path[0] = '\0';
}
