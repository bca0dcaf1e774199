/*
 * wholefile: see wholefile.h.
 *
 * mkostemp() makes what nobody else may read; the file gets the mode that open() would have given
 * it, or that of the file it takes the place of.
 */
#include "cli/wholefile.h"

#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- signals ---- */

static const int deadly[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ};
static const char *volatile begun; /* what a signal removes */

static void remove_begun(int number) {
    if (begun)
        unlink(begun);
    signal(number, SIG_DFL);
    raise(number);
}

/* What is ignored stays so: nohup, and a shell's background jobs. */
static void catch_signals(void) {
    for (size_t i = 0; i < ARRAY_LEN(deadly); i++) {
        struct sigaction old;
        if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            signal(deadly[i], remove_begun);
    }
}

/* ---- the file ---- */

/* A stream of its own, because stdio forgets why a write failed before the last one. */
static ssize_t write_some(void *arg, const char *data, size_t n) {
    struct wholefile *f = arg;
    if (!f->failed && fd_write_all(f->fd, data, n) < 0)
        f->failed = errno;
    return f->failed ? 0 : (ssize_t)n;
}

static int open_stream(struct wholefile *f, struct error *err) {
    f->out = fopencookie(f, "w", (cookie_io_functions_t){.write = write_some});
    return f->out ? 0 : error_memory(err);
}

static mode_t mode_for(const struct stat *there) {
    if (there)
        return there->st_mode & 0777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static int open_temporary(struct wholefile *f, mode_t mode, struct error *err) {
    cleanup(str_done) struct str name = {0};
    str_addf(&name, "%s.XXXXXX", f->target);
    char *temporary = str_take(&name);
    if (!temporary)
        return error_memory(err);
    f->fd = mkostemp(temporary, O_CLOEXEC);
    if (f->fd < 0) {
        free(temporary);
        return error_os(err, ERROR_USAGE, errno, "cannot make a file beside %s", f->path);
    }
    f->temporary = temporary;
    begun = temporary;
    catch_signals();
    if (fchmod(f->fd, mode) < 0)
        return error_os(err, ERROR_STORE, errno, "cannot write to %s", f->path);
    return open_stream(f, err);
}

static int open_file(struct wholefile *f, struct error *err) {
    struct stat there;
    bool is = stat(f->path, &there) == 0;
    /* the kernel follows no link of somebody else's in /tmp, and realpath() is not to either */
    if (!is && errno != ENOENT)
        return error_os(err, ERROR_USAGE, errno, "cannot write to %s", f->path);
    if (is && S_ISDIR(there.st_mode))
        return error_set(err, ERROR_USAGE, "%s is a folder: name a file in it", f->path);
    if (is && S_ISREG(there.st_mode) && access(f->path, W_OK) < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot write to %s", f->path);
    if (!is || S_ISREG(there.st_mode))
        return open_temporary(f, mode_for(is ? &there : NULL), err);
    f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return f->fd < 0 ? error_os(err, ERROR_USAGE, errno, "cannot write to %s", f->path)
                     : open_stream(f, err);
}

int wholefile_begin(const char *path, struct wholefile *f, struct error *err) {
    *f = (struct wholefile){.fd = -1, .path = strdup(path), .target = realpath(path, NULL)};
    if (!f->target)
        f->target = strdup(path);
    int rc = f->path && f->target ? open_file(f, err) : error_memory(err);
    if (rc < 0)
        wholefile_done(f);
    return rc;
}

/* Remembers what went wrong first. */
static void note(struct wholefile *f, bool failed) {
    if (failed && !f->failed)
        f->failed = errno ? errno : EIO;
}

int wholefile_end(struct wholefile *f, struct error *err) {
    note(f, fflush(f->out) != 0 || ferror(f->out));
    if (f->temporary) {
        note(f, fsync(f->fd) < 0);
        note(f, close(fd_take(&f->fd)) < 0);
        note(f, !f->failed && rename(f->temporary, f->target) < 0);
    }
    if (f->failed)
        return error_os(err, ERROR_STORE, f->failed, "cannot write to %s", f->path);
    begun = NULL;
    free(TAKE(f->temporary));
    return 0;
}

void wholefile_done(struct wholefile *f) {
    int saved = errno;
    if (f->out)
        fclose(f->out);
    fd_close(&f->fd);
    if (f->temporary) {
        unlink(f->temporary);
        begun = NULL;
    }
    free(f->temporary);
    free(f->target);
    free(f->path);
    *f = (struct wholefile){.fd = -1};
    errno = saved;
}
