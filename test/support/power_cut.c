/*
 * power_cut: to be preloaded into muster, where it lets the power go at the nth write.
 *
 *     POWER_CUT=120           at the 120th write to a regular file below POWER_CUT_FOLDER
 *     POWER_CUT_FOLDER=PATH   an absolute path without symbolic links
 *     POWER_CUT_SEED=7        which of the unsynced writes had reached the disk
 *
 * Of what was written to a file since it was last synced, a disk has what it likes: each sector of
 * 512 bytes is as it was written or as it was before, by the seed; and what was appended may be
 * there, be zeros, or not be there. Then the process is killed. What was written elsewhere, to
 * standard error say, stays: it had been told.
 */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define export __attribute__((visibility("default")))

/* What a sector of a file was before a write since its last sync. */
struct undo {
    struct undo *next;
    char *path;
    off64_t at;
    size_t len;
    off64_t size; /* of the file */
    char before[SECTOR];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below, and every write */
static struct undo *latest;
static long writes_left;
static const char *folder;
static uint64_t state;

static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off64_t);

__attribute__((constructor)) static void start(void) {
    const char *nth = getenv("POWER_CUT"), *seed = getenv("POWER_CUT_SEED");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    folder = getenv("POWER_CUT_FOLDER");
    writes_left = nth && folder ? atol(nth) : 0;
    state = seed ? strtoull(seed, NULL, 10) : 1;
    unsetenv("LD_PRELOAD"); /* not in the programs that muster starts */
}

/* splitmix64 */
static uint64_t draw(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* The path of a file that loses its unsynced writes; NULL for others. The caller frees it. */
static char *path_of(int fd, struct stat64 *st) {
    char name[64], path[4096];
    if (writes_left <= 0 || fstat64(fd, st) < 0 || !S_ISREG(st->st_mode))
        return NULL;
    const char digits[] = "/proc/self/fd/";
    memcpy(name, digits, sizeof(digits));
    size_t n = sizeof(digits) - 1;
    for (int power = 100000; power > 0; power /= 10)
        if (fd >= power || power == 1)
            name[n++] = (char)('0' + fd / power % 10);
    name[n] = '\0';
    ssize_t len = readlink(name, path, sizeof(path) - 1);
    if (len < 0)
        return NULL;
    path[len] = '\0';
    return strncmp(path, folder, strlen(folder)) == 0 ? strdup(path) : NULL;
}

/* The index of the write-ahead log is memory that programs share; a new start makes it anew. */
static bool is_index(const char *path) {
    size_t len = strlen(path);
    return len > 4 && strcmp(path + len - 4, "-shm") == 0;
}

static void undo_one(const struct undo *u) {
    int fd = open(u->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) /* deleted since */
        return;
    if (draw() % 2)
        real_pwrite(fd, u->before, u->len, u->at);
    if (draw() % 16 == 0 && u->at >= u->size)
        real_ftruncate(fd, u->size);
    close(fd);
}

static void cut_locked(void) {
    for (struct undo *u = latest; u; u = u->next)
        if (!is_index(u->path))
            undo_one(u);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void remember_locked(const char *path, int fd, const struct stat64 *st, off64_t at,
                            size_t n) {
    int from = open(path, O_RDONLY | O_CLOEXEC); /* fd may be for writing only */
    (void)fd;
    for (off64_t end = at + (off64_t)n; at < end;) {
        struct undo *u = calloc(1, sizeof(*u));
        off64_t next = (at / SECTOR + 1) * SECTOR;
        u->path = strdup(path);
        u->at = at;
        u->len = (size_t)((next < end ? next : end) - at);
        u->size = st->st_size;
        if (from >= 0 && pread64(from, u->before, u->len, at) < 0)
            memset(u->before, 0, u->len);
        u->next = latest;
        latest = u;
        at += (off64_t)u->len;
    }
    if (from >= 0)
        close(from);
}

static void synced_locked(const char *path) {
    for (struct undo **u = &latest; *u;)
        if (strcmp((*u)->path, path) == 0) {
            struct undo *gone = *u;
            *u = gone->next;
            free(gone->path);
            free(gone);
        } else {
            u = &(*u)->next;
        }
}

/* Keeps what the write will replace; the power goes after the write itself. Holds the lock. */
static bool before_write(int fd, off64_t at, bool append, size_t n) {
    struct stat64 st;
    pthread_mutex_lock(&lock);
    char *path = path_of(fd, &st);
    if (!path)
        return false;
    remember_locked(path, fd, &st, append ? st.st_size : at, n);
    free(path);
    return --writes_left == 0;
}

static void after_write(bool last) {
    if (last)
        cut_locked();
    pthread_mutex_unlock(&lock);
}

export ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    bool last = before_write(fd, at, false, n);
    ssize_t rc = real_pwrite(fd, data, n, at);
    after_write(last);
    return rc;
}

export ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    return pwrite64(fd, data, n, at);
}

/* Of the store's files only logs are written this way, and appended to. */
export ssize_t write(int fd, const void *data, size_t n) {
    struct stat64 st;
    if (fstat64(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return real_write(fd, data, n);
    bool last = before_write(fd, 0, true, n);
    ssize_t rc = real_write(fd, data, n);
    after_write(last);
    return rc;
}

static int sync_with(int (*sync)(int), int fd) {
    struct stat64 st;
    int rc = sync(fd);
    pthread_mutex_lock(&lock);
    char *path = path_of(fd, &st);
    if (path && rc == 0)
        synced_locked(path);
    free(path);
    pthread_mutex_unlock(&lock);
    return rc;
}

export int fdatasync(int fd) {
    return sync_with(real_fdatasync, fd);
}

export int fsync(int fd) {
    return sync_with(real_fsync, fd);
}
