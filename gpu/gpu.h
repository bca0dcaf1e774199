/*
 * gpu: a device as the measurements see it, whichever driver it is reached through.
 *
 * A backend (cuda.c, opencl.c) finds devices and gives each the same small set of operations; the
 * kernels of both do the same to the same buffers, so that measuring and checking are written once
 * (measure.c). Devices live until the process ends, and so does all that their backends hold. One
 * thread.
 */
#pragma once

#include "libc.h"

#define DEVICES_MAX 64

/* Why there is no result: the reason's word in muster, or `skipped`, and a sentence. */
struct problem {
    const char *reason;
    char text[300];
};

/* Fills *p. Returns -1. */
int problem_set(struct problem *p, const char *reason, const char *format, ...) printf_like(3, 4);

/*
 * What a work item of each kernel does. It handles VECTORS vectors of 16 bytes, those of its group
 * interleaved, so that a group of them reads and writes one stretch of memory.
 */
#define VECTORS 16

enum kernel {
    KERNEL_FILL,   /* to[w] = w * PATTERN + key, for each 32-bit word w */
    KERNEL_READ,   /* to[item] = the sum of the words it reads of `from` */
    KERNEL_COPY,   /* to[w] = from[w] + key */
    KERNEL_FP32,   /* n rounds of two multiply-adds on each of 16 numbers; key: -1.0f in bits */
    KERNEL_MATRIX, /* n rounds of two matrix products on each of 8 tiles */
    KERNELS
};
#define KERNEL_NAMES                                                                               \
    { "fill", "read", "copy", "fp32", "matrix" }

#define PATTERN UINT32_C(0x9e3779b1)
#define FP32_NUMBERS 16
#define MATRIX_TILES 8
#define MATRIX_ITEMS 32 /* work items that share a tile: a warp */

enum buffer {
    BUFFER_A,    /* device.bytes */
    BUFFER_B,    /* device.bytes */
    BUFFER_SUMS, /* a word for each item of KERNEL_READ */
    BUFFER_STATE,
    BUFFERS
};

/*
 * What KERNEL_FP32 and KERNEL_MATRIX count in BUFFER_STATE: groups that came to their end, items
 * with a wrong result, and the number of the multiprocessor of such a one plus 1, where known.
 */
struct state {
    uint32_t done, wrong, where, unused;
};

struct device {
    const struct backend *backend;
    int number; /* as the user counts: gpu0, gpu1, ... */
    char model[80];
    char pci[16];            /* 0000:3b:00.0, or empty when not known */
    bool cpu;                /* no GPU, but what computes for OpenCL where there is none */
    uint32_t units;          /* multiprocessors, compute units */
    uint32_t group;          /* work items of a group */
    size_t bytes;            /* of buffers A and B: a multiple of what a group handles */
    uint32_t matrix_depth;   /* the middle one of the dimensions 16, depth, 8 of a tile; 0: none */
    uint32_t *host;          /* pinned memory of the host that the device copies to and from */
    size_t host_bytes;       /* a multiple of what a group handles, too */
    struct device_data *own; /* the backend's */
    uint32_t key;            /* a new one for each check */
    uint32_t batches[8];     /* per measurement: how often its operation runs in about 20 ms */
};

/* Operations return 0, or -1 with a problem that names the device. */
struct backend {
    const char *name;

    /* Makes the device ready: memory, kernels. */
    int (*open)(struct device *d, struct problem *p);

    /* Starts a kernel; every one takes these arguments. */
    int (*launch)(struct device *d, enum kernel kernel, uint32_t groups, enum buffer from,
                  enum buffer to, uint32_t n, uint32_t key, struct problem *p);

    /* Waits for all that was started. */
    int (*finish)(struct device *d, struct problem *p);

    /* Copies from and to the host's pinned memory, and waits for it. */
    int (*send)(struct device *d, enum buffer to, size_t bytes, struct problem *p);
    int (*receive)(struct device *d, enum buffer from, size_t bytes, struct problem *p);
};

/* What a group of work items reads, writes or fills. */
static inline size_t chunk_of(const struct device *d) {
    return (size_t)d->group * VECTORS * 16;
}

/* Bytes of a buffer. */
size_t buffer_bytes(const struct device *d, enum buffer buffer);

/* How much of `limit` bytes the buffers A and B get each, so that they are whole chunks. */
void device_set_sizes(struct device *d, size_t limit);

/*
 * Add the devices that the driver knows to devices[*count]. Without the driver, or without devices
 * of its, there are none and that is no problem; a driver that is there and does not work is one.
 */
int cuda_find(struct device *devices, int *count, struct problem *p);

/*
 * Leaves out what is among the devices already, by its place on the PCI bus, and CPUs unless
 * `cpus`; *cpus_found is whether there are some.
 */
void opencl_find(struct device *devices, int *count, bool cpus, bool *cpus_found);

/* What NVIDIA's management library says of a device; -1: not known. */
struct health {
    int temperature; /* C */
    int power;       /* W */
    int clock;       /* MHz */
    unsigned signs;  /* a bit for each kind of thing in `notes` */
    char notes[300]; /* in words what matters for the result, "; " between; may be empty */
};

/*
 * Asks how a device is, which is to be at work meanwhile. Nothing is known without the library, and
 * of devices that are not NVIDIA's.
 */
void nvml_look(const struct device *d, struct health *ret);

/* What is measured of a device; 0: not there. */
struct rates {
    double fp32;   /* FLOP/s */
    double matrix; /* FLOP/s */
    double read;   /* bytes/s, as all below */
    double copy;
    double to_device;
    double from_device;
};

/* Runs every measurement for about `duration` ns each and checks what each computed. */
int measure(struct device *d, int64_t duration, struct rates *ret, struct health *health,
            struct problem *p);
