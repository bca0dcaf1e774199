/* ioqueue: see ioqueue.h. Chooses the way. */
#include "ioqueue.h"

int ioqueue_open(struct ioqueue *q, int fd, unsigned depth, bool uring) {
    *q = (struct ioqueue){.ops = &ioqueue_uring, .fd = fd, .ring = -1};
    if (uring && q->ops->open(q, fd, depth) == 0)
        return 0;
    *q = (struct ioqueue){.ops = &ioqueue_aio, .fd = fd, .ring = -1};
    return q->ops->open(q, fd, depth);
}

void ioqueue_add(struct ioqueue *q, const struct io_request *r) {
    q->ops->add(q, r);
}

int ioqueue_wait(struct ioqueue *q, struct io_result *results, int max) {
    return q->ops->wait(q, results, max);
}

void ioqueue_close(struct ioqueue *q) {
    q->ops->close(q);
}
