/*
 * aio: ioqueue.h by the kernel's asynchronous I/O of before io_uring (io_submit(2)), which is
 * asynchronous for files opened with O_DIRECT only; those are all that is asked of it here.
 */
#include "ioqueue.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct aio {
    aio_context_t context;
    unsigned depth;
    struct iocb blocks[IOQUEUE_DEPTH_MAX];
    struct iocb *added[IOQUEUE_DEPTH_MAX];
    long count; /* of added */
};

static int open_aio(struct ioqueue *q, int fd, unsigned depth) {
    struct aio *a = q->state = calloc(1, sizeof(*a));
    (void)fd;
    if (a && syscall(SYS_io_setup, depth, &a->context) == 0)
        return 0;
    int why = errno;
    free(a);
    errno = why;
    return -1;
}

static void add(struct ioqueue *q, const struct io_request *r) {
    struct aio *a = q->state;
    struct iocb *block = &a->blocks[r->slot];
    *block = (struct iocb){.aio_data = (uint64_t)r->slot,
                           .aio_lio_opcode = r->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                           .aio_fildes = (unsigned)q->fd,
                           .aio_buf = (uintptr_t)r->buffer,
                           .aio_nbytes = r->size,
                           .aio_offset = r->offset};
    a->added[a->count++] = block;
}

/* Starts what was added. */
static int submit(struct aio *a) {
    for (long done = 0; done < a->count;) {
        long n = syscall(SYS_io_submit, a->context, a->count - done, a->added + done);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        done += n > 0 ? n : 0;
    }
    a->count = 0;
    return 0;
}

static int wait_results(struct ioqueue *q, struct io_result *results, int max) {
    struct aio *a = q->state;
    struct io_event events[IOQUEUE_DEPTH_MAX];
    if (submit(a) != 0)
        return -1;
    long n;
    do
        n = syscall(SYS_io_getevents, a->context, 1L,
                    (long)(max < IOQUEUE_DEPTH_MAX ? max : IOQUEUE_DEPTH_MAX), events, NULL);
    while (n < 0 && errno == EINTR);
    for (long i = 0; i < n; i++)
        results[i] = (struct io_result){.slot = (int)events[i].data, .n = (ssize_t)events[i].res};
    return (int)n;
}

static void shut(struct ioqueue *q) {
    struct aio *a = q->state;
    syscall(SYS_io_destroy, a->context);
    free(a);
}

const struct ioqueue_ops ioqueue_aio = {
    .name = "aio", .open = open_aio, .add = add, .wait = wait_results, .close = shut};
