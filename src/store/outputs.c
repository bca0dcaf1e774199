/* outputs: see outputs.h. Links are not followed, and what is neither file nor folder is left. */
#include "store/outputs.h"

#include "base/attr.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

typedef int visit_fn(void *arg, const FTSENT *at, struct error *err);

static void close_walk(FTS **walk) {
    if (*walk)
        fts_close(*walk);
}

/* Calls visit() for all that is in the folder, and for itself, before and after what is in it. */
static int each(char *folder, visit_fn *visit, void *arg, struct error *err) {
    char *const roots[] = {folder, NULL};
    if (access(folder, F_OK) < 0 && errno == ENOENT)
        return 0;
    cleanup(close_walk) FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return error_os(err, ERROR_STORE, errno, "cannot read %s", folder);
    const FTSENT *at;
    while ((errno = 0, at = fts_read(walk))) {
        if (at->fts_info == FTS_DNR || at->fts_info == FTS_ERR || at->fts_info == FTS_NS)
            return error_os(err, ERROR_STORE, at->fts_errno, "cannot read %s", at->fts_path);
        if (visit(arg, at, err) < 0)
            return -1;
    }
    return errno ? error_os(err, ERROR_STORE, errno, "cannot read %s", folder) : 0;
}

static int each_of_run(const struct store *s, const char *run_id, visit_fn *visit, void *arg,
                       struct error *err) {
    cleanup(free_ptr) char *folder = store_output_folder(s, run_id);
    return folder ? each(folder, visit, arg, err) : error_memory(err);
}

/* ---- copying ---- */

struct copying {
    size_t from_len; /* of the folder's path */
    const char *to;
};

static int copy_bytes(int from, int to, const char *path, struct error *err) {
    char chunk[CHUNK];
    ssize_t n;
    while ((n = read(from, chunk, sizeof(chunk))) > 0)
        if (fd_write_all(to, chunk, (size_t)n) < 0)
            break;
    return n != 0 || fsync(to) < 0 ? error_os(err, ERROR_STORE, errno, "cannot copy %s", path) : 0;
}

static int copy_file(const char *path, const char *target, struct error *err) {
    cleanup(fd_close) int from = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return error_os(err, ERROR_STORE, errno, "cannot read %s", path);
    cleanup(fd_close) int to =
        open(target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return error_os(err, ERROR_STORE, errno, "cannot make %s", target);
    return copy_bytes(from, to, path, err);
}

static int copy_one(void *arg, const FTSENT *at, struct error *err) {
    const struct copying *c = arg;
    cleanup(free_ptr) char *target = NULL;
    if (asprintf(&target, "%s%s", c->to, at->fts_path + c->from_len) < 0) {
        target = NULL;
        return error_memory(err);
    }
    if (at->fts_info == FTS_D)
        return fd_make_folders(target, err);
    return at->fts_info == FTS_F ? copy_file(at->fts_path, target, err) : 0;
}

static bool is_same(const char *a, const char *b) {
    struct stat here, there;
    return stat(a, &here) == 0 && stat(b, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

int outputs_copy(const struct store *from, const struct store *to, const char *run_id, bool *copied,
                 struct error *err) {
    cleanup(free_ptr) char *folder = store_output_folder(from, run_id);
    cleanup(free_ptr) char *target = store_output_folder(to, run_id);
    if (!folder || !target)
        return error_memory(err);
    *copied = !is_same(folder, target);
    if (!*copied)
        return 0;
    struct copying c = {.from_len = strlen(folder), .to = target};
    return each(folder, copy_one, &c, err);
}

/* ---- how much there is, and taking it away ---- */

static int add_size(void *bytes, const FTSENT *at, __attribute__((unused)) struct error *err) {
    if (at->fts_info == FTS_F)
        *(int64_t *)bytes += at->fts_statp->st_size;
    return 0;
}

int outputs_measure(const struct store *s, const char *run_id, int64_t *bytes, struct error *err) {
    return each_of_run(s, run_id, add_size, bytes, err);
}

static int remove_one(__attribute__((unused)) void *arg, const FTSENT *at, struct error *err) {
    int rc = at->fts_info == FTS_D    ? 0
             : at->fts_info == FTS_DP ? rmdir(at->fts_path)
                                      : unlink(at->fts_path);
    return rc < 0 && errno != ENOENT
               ? error_os(err, ERROR_STORE, errno, "cannot remove %s", at->fts_path)
               : 0;
}

int outputs_remove(const struct store *s, const char *run_id, struct error *err) {
    return each_of_run(s, run_id, remove_one, NULL, err);
}
