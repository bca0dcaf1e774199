/* spool: see spool.h. The stream's functions count, and know why a write failed; stdio forgets. */
#include "serve/spool.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

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
    return memfd_create("muster-answer", MFD_CLOEXEC);
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
    return s->failed ? error_os(err, ERROR_STORE, s->failed, "cannot keep an answer to be sent")
                     : 0;
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
