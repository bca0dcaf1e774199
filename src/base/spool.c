/* spool: see spool.h. The stream's functions count, and know why a write failed; stdio forgets. */
#include "base/spool.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory of the kernel's is the last resort: of a system all of whose folders are read-only. */
static int open_nameless(void) {
    const char *const folders[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        int fd = folders[i] && *folders[i]
                     ? open(folders[i], O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600)
                     : -1;
        if (fd >= 0)
            return fd;
    }
    return memfd_create("muster-spool", MFD_CLOEXEC);
}

static int spill(struct spool *s) {
    s->fd = open_nameless();
    if (s->fd < 0 || fd_write_all(s->fd, s->memory.data, s->memory.len) < 0)
        return -1;
    str_done(&s->memory);
    return 0;
}

static int add(struct spool *s, const char *data, size_t n) {
    if (s->fd < 0 && s->memory.len + n <= SPOOL_MEMORY) {
        str_add_bytes(&s->memory, data, n);
        errno = ENOMEM;
        return s->memory.failed ? -1 : 0;
    }
    return (s->fd < 0 && spill(s) < 0) || fd_write_all(s->fd, data, n) < 0 ? -1 : 0;
}

static ssize_t write_some(void *arg, const char *data, size_t n) {
    struct spool *s = arg;
    if (!s->failed && add(s, data, n) < 0)
        s->failed = errno ? errno : EIO;
    if (s->failed)
        return 0;
    s->size += n;
    return (ssize_t)n;
}

int spool_begin(struct spool *s, struct error *err) {
    *s = (struct spool){.fd = -1};
    s->out = fopencookie(s, "w", (cookie_io_functions_t){.write = write_some});
    return s->out ? 0 : error_memory(err);
}

int spool_end(struct spool *s, struct error *err) {
    FILE *out = TAKE(s->out);
    if (fclose(out) != 0 && !s->failed)
        s->failed = errno ? errno : EIO;
    return s->failed ? error_os(err, ERROR_STORE, s->failed,
                                "cannot keep what is written until it is whole")
                     : 0;
}

static int copy(const struct spool *s, FILE *to) {
    char block[16384];
    if (s->fd < 0)
        return fwrite(s->memory.data ? s->memory.data : "", 1, s->memory.len, to) == s->memory.len
                   ? 0
                   : -1;
    for (off_t at = 0; (size_t)at < s->size;) {
        ssize_t n = pread(s->fd, block, sizeof(block), at);
        if (n == 0)
            errno = EIO; /* it is shorter than what was written */
        if (n <= 0 || fwrite(block, 1, (size_t)n, to) != (size_t)n)
            return -1;
        at += n;
    }
    return 0;
}

int spool_copy(const struct spool *s, FILE *to, struct error *err) {
    if (copy(s, to) == 0 || ferror(to))
        return 0;
    return error_os(err, ERROR_STORE, errno, "cannot read what was kept until it was whole");
}

int spool_read(struct spool *s, FILE **ret, struct error *err) {
    if ((s->fd < 0 && spill(s) < 0) || lseek(s->fd, 0, SEEK_SET) < 0 ||
        !(*ret = fdopen(s->fd, "re")))
        return error_os(err, ERROR_STORE, errno, "cannot read what was kept until it was whole");
    s->fd = -1;
    return 0;
}

void spool_done(struct spool *s) {
    if (s->out) {
        fclose(s->out);
        s->out = NULL;
    }
    if (s->fd > 0)
        fd_close(&s->fd);
    str_done(&s->memory);
}
