/*
 * tmpdir: see tmpdir.h.
 *
 * It is made lazily, because most sessions need none. Its name is chosen before that, and does not
 * depend on the place, so that a process which was there when it was chosen can remove the
 * directory without having been told whether and where it was made: it is looked for in every
 * place, which nobody else can have taken who does not know 64 random bits.
 */
#include "tmpdir.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 200 /* a descriptor each */
#define PLACES 3

static char own_name[32];
static char path[512]; /* once it is made */

void tmpdir_choose(void) {
    uint64_t random = (uint64_t)clock_now() ^ (uint64_t)getpid() << 40;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random *= UINT64_C(0x9e3779b97f4a7c15); /* mkdir() finds out what is taken */
    snprintf(own_name, sizeof(own_name), "muster-%016llx", (unsigned long long)random);
}

/* The path that the directory has, or would have, in the i-th place; false where that is none. */
static bool path_in(size_t i, char out[sizeof(path)]) {
    const char *const places[PLACES] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};
    return places[i] && places[i][0] == '/' && own_name[0] &&
           (size_t)snprintf(out, sizeof(path), "%s/%s", places[i], own_name) < sizeof(path);
}

const char *tmpdir_get(void) {
    for (size_t i = 0; !path[0] && i < PLACES; i++)
        if (!path_in(i, path) || mkdir(path, 0700) != 0)
            path[0] = '\0';
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
    struct stat st;
    char found[sizeof(path)];
    for (size_t i = 0; i < PLACES; i++)
        if (path_in(i, found) && lstat(found, &st) == 0 && S_ISDIR(st.st_mode) &&
            st.st_uid == geteuid())
            remove_at(AT_FDCWD, found, 0);
    path[0] = '\0';
}
