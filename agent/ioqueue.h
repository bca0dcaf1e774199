/*
 * ioqueue: many reads and writes of a file at once, from one thread.
 *
 * By io_uring, or by the kernel's older asynchronous I/O where the kernel or a filter of system
 * calls refuses that. Requests are numbered by whoever makes them, from 0 to depth - 1; a number is
 * free again when its request has come back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ioqueue;

struct io_request {
    bool write;
    int slot;
    void *buffer;
    size_t size;
    int64_t offset;
};

struct io_result {
    int slot;
    ssize_t n; /* bytes, or -errno */
};

struct ioqueue_ops {
    const char *name;
    int (*open)(struct ioqueue *q, int fd, unsigned depth);
    void (*add)(struct ioqueue *q, const struct io_request *r);
    int (*wait)(struct ioqueue *q, struct io_result *results, int max);
    void (*close)(struct ioqueue *q);
};

extern const struct ioqueue_ops ioqueue_uring, ioqueue_aio;

#define IOQUEUE_DEPTH_MAX 64

struct ioqueue {
    const struct ioqueue_ops *ops;
    int fd;   /* the file */
    int ring; /* of io_uring, -1 */
    void *rings[3];
    size_t sizes[3];
    void *state;
};

/*
 * For at most `depth` requests on the file. `uring` false: not by io_uring. Returns 0, or -1 with
 * errno when there is neither.
 */
int ioqueue_open(struct ioqueue *q, int fd, unsigned depth, bool uring);

/* Adds a request, which starts with the next wait at the latest. */
void ioqueue_add(struct ioqueue *q, const struct io_request *r);

/* Starts what was added and waits for at least one result. Returns how many, or -1 with errno. */
int ioqueue_wait(struct ioqueue *q, struct io_result *results, int max);

/* No request may be under way. */
void ioqueue_close(struct ioqueue *q);
