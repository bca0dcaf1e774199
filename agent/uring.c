/*
 * uring: ioqueue.h by io_uring, straight on the system calls.
 *
 * The layout of the rings and the opcodes are the kernel's interface (io_uring_setup(2),
 * io_uring_enter(2)). One thread adds and takes, so the only ordering needed is that with the
 * kernel: entries are written before the tail moves, and read before the head does.
 */
#include "ioqueue.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SUBMITTED, COMPLETED, ENTRIES };

struct uring {
    _Atomic unsigned *sq_tail;
    unsigned sq_mask;
    unsigned *sq_array;
    struct io_uring_sqe *sqes;
    _Atomic unsigned *cq_head, *cq_tail;
    unsigned cq_mask;
    struct io_uring_cqe *cqes;
    unsigned added; /* since the last wait */
};

static void *map(struct ioqueue *q, int i, size_t size, off_t what) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, q->ring, what);
    if (p == MAP_FAILED)
        return NULL;
    q->rings[i] = p;
    q->sizes[i] = size;
    return p;
}

static void shut(struct ioqueue *q) {
    for (int i = 0; i < 3; i++)
        if (q->rings[i])
            munmap(q->rings[i], q->sizes[i]);
    if (q->ring >= 0)
        close(q->ring);
    free(q->state);
}

static int map_rings(struct ioqueue *q, const struct io_uring_params *p) {
    struct uring *u = q->state;
    char *sq =
        map(q, SUBMITTED, p->sq_off.array + p->sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char *cq =
        map(q, COMPLETED, p->cq_off.cqes + p->cq_entries * sizeof(*u->cqes), IORING_OFF_CQ_RING);
    u->sqes = map(q, ENTRIES, p->sq_entries * sizeof(*u->sqes), IORING_OFF_SQES);
    if (!sq || !cq || !u->sqes)
        return -1;
    u->sq_tail = (_Atomic unsigned *)(sq + p->sq_off.tail);
    u->sq_mask = *(unsigned *)(sq + p->sq_off.ring_mask);
    u->sq_array = (unsigned *)(sq + p->sq_off.array);
    u->cq_head = (_Atomic unsigned *)(cq + p->cq_off.head);
    u->cq_tail = (_Atomic unsigned *)(cq + p->cq_off.tail);
    u->cq_mask = *(unsigned *)(cq + p->cq_off.ring_mask);
    u->cqes = (struct io_uring_cqe *)(cq + p->cq_off.cqes);
    return 0;
}

static int open_uring(struct ioqueue *q, int fd, unsigned depth) {
    struct io_uring_params p = {0};
    (void)fd;
    q->state = calloc(1, sizeof(struct uring));
    q->ring = q->state ? (int)syscall(SYS_io_uring_setup, depth, &p) : -1;
    if (q->ring >= 0 && map_rings(q, &p) == 0)
        return 0;
    int why = errno;
    shut(q);
    errno = why;
    return -1;
}

static void add(struct ioqueue *q, const struct io_request *r) {
    struct uring *u = q->state;
    unsigned tail = atomic_load_explicit(u->sq_tail, memory_order_relaxed);
    unsigned i = tail & u->sq_mask;
    struct io_uring_sqe *e = &u->sqes[i];
    memset(e, 0, sizeof(*e));
    e->opcode = r->write ? IORING_OP_WRITE : IORING_OP_READ;
    e->fd = q->fd;
    e->addr = (uintptr_t)r->buffer;
    e->len = (unsigned)r->size;
    e->off = (uint64_t)r->offset;
    e->user_data = (uint64_t)r->slot;
    u->sq_array[i] = i;
    atomic_store_explicit(u->sq_tail, tail + 1, memory_order_release);
    u->added++;
}

static int take(struct uring *u, struct io_result *results, int max) {
    unsigned head = atomic_load_explicit(u->cq_head, memory_order_relaxed);
    unsigned tail = atomic_load_explicit(u->cq_tail, memory_order_acquire);
    int n = 0;
    for (; head != tail && n < max; head++, n++) {
        const struct io_uring_cqe *c = &u->cqes[head & u->cq_mask];
        results[n] = (struct io_result){.slot = (int)c->user_data, .n = c->res};
    }
    atomic_store_explicit(u->cq_head, head, memory_order_release);
    return n;
}

static int wait_results(struct ioqueue *q, struct io_result *results, int max) {
    struct uring *u = q->state;
    for (;;) {
        long n = syscall(SYS_io_uring_enter, q->ring, u->added, 1, IORING_ENTER_GETEVENTS, NULL, 0);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            u->added -= (unsigned)n;
        int taken = take(u, results, max);
        if (taken > 0)
            return taken;
    }
}

const struct ioqueue_ops ioqueue_uring = {
    .name = "io_uring", .open = open_uring, .add = add, .wait = wait_results, .close = shut};
