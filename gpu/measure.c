/*
 * measure: what is measured of a device, and how its results are checked.
 *
 * An operation (a launch of a kernel, a transfer) runs in batches: so many at once that waiting for
 * their end costs nothing beside them. What the first batches take tells how many that is; they
 * also bring the device out of its sleep, and do not count. Batches then run until the time is
 * over, and the rate is that of all of them, so that a device that throttles itself shows what it
 * can keep up.
 *
 * Every group and item of fp32 and matrix checks its own result. Memory and transfers are checked
 * off the clock: the words of the buffer that was written last must add up to what they should be,
 * which is another number each time, so that what was there before does not pass.
 */
#include "gpu.h"

#define FP32_ROUNDS 1024
#define FP32_GROUPS 64 /* for each unit: about 2 ms of a large device, 50 ms of a small one */
#define MATRIX_ROUNDS 512
#define MATRIX_GROUPS 16
#define BATCH_MAX (1 << 16)

#define MINUS_ONE UINT32_C(0xbf800000) /* -1.0f */

enum measurement { FP32, MATRIX, READ, COPY, SEND, RECEIVE };

struct operation {
    enum measurement measurement;
    struct device *device;
    uint32_t groups;   /* of a kernel */
    uint32_t key;      /* of COPY */
    uint32_t launched; /* so far */
};

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int start(struct operation *o, struct problem *p) {
    struct device *d = o->device;
    const struct backend *b = d->backend;
    o->launched++;
    switch (o->measurement) {
    case FP32:
        return b->launch(d, KERNEL_FP32, o->groups, BUFFER_A, BUFFER_B, FP32_ROUNDS, MINUS_ONE, p);
    case MATRIX:
        return b->launch(d, KERNEL_MATRIX, o->groups, BUFFER_A, BUFFER_B, MATRIX_ROUNDS, 0, p);
    case READ:
        return b->launch(d, KERNEL_READ, o->groups, BUFFER_A, BUFFER_SUMS, 0, 0, p);
    case COPY:
        return b->launch(d, KERNEL_COPY, o->groups, BUFFER_A, BUFFER_B, 0, o->key, p);
    case SEND:
        return b->send(d, BUFFER_B, d->host_bytes, p);
    case RECEIVE:
        return b->receive(d, BUFFER_B, d->host_bytes, p);
    }
    return -1;
}

static int start_batch(struct operation *o, struct problem *p) {
    for (uint32_t i = 0; i < o->device->batches[o->measurement]; i++)
        if (start(o, p) != 0)
            return -1;
    return 0;
}

/* How often the operation runs in a second. */
static int time_operation(struct operation *o, int64_t duration, double *ret, struct problem *p) {
    struct device *d = o->device;
    uint32_t *batch = &d->batches[o->measurement];
    int64_t total = 0;
    double count = 0;
    if (*batch == 0)
        *batch = 1;
    while (total < duration) {
        int64_t begin = now();
        if (start_batch(o, p) != 0 || d->backend->finish(d, p) != 0)
            return -1;
        int64_t took = now() - begin;
        if (took < duration / 8 && *batch < BATCH_MAX) {
            *batch *= 2;
            continue;
        }
        total += took;
        count += *batch;
    }
    *ret = count / ((double)total / 1e9);
    return 0;
}

/* ---- computing ---- */

static int clear_state(struct device *d, struct problem *p) {
    memset(d->host, 0, sizeof(struct state));
    return d->backend->send(d, BUFFER_STATE, sizeof(struct state), p);
}

static int check_state(const struct operation *o, const char *what, struct problem *p) {
    struct device *d = o->device;
    struct state s;
    char where[40] = "";
    if (d->backend->receive(d, BUFFER_STATE, sizeof(s), p) != 0)
        return -1;
    memcpy(&s, d->host, sizeof(s));
    if (s.where > 0)
        snprintf(where, sizeof(where), ", multiprocessor %u", s.where - 1);
    if (s.wrong > 0)
        return problem_set(p, "wrong-result", "gpu%d (%s) computed %u wrong results (%s%s)",
                           d->number, d->model, s.wrong, what, where);
    uint32_t groups = o->groups * o->launched;
    if (s.done != groups)
        return problem_set(p, "wrong-result", "gpu%d (%s) did %u of %u groups of work (%s)",
                           d->number, d->model, s.done, groups, what);
    return 0;
}

static int measure_fp32(struct device *d, int64_t duration, double *ret, struct health *health,
                        struct problem *p) {
    struct operation o = {.measurement = FP32, .device = d, .groups = d->units * FP32_GROUPS};
    double launches;
    if (clear_state(d, p) != 0 || time_operation(&o, duration, &launches, p) != 0)
        return -1;
    /* one batch more, off the clock, to see how the device is when it works */
    if (start_batch(&o, p) != 0)
        return -1;
    nvml_look(d, health);
    if (d->backend->finish(d, p) != 0 || check_state(&o, "fp32", p) != 0)
        return -1;
    *ret = launches * o.groups * d->group * FP32_ROUNDS * 2 * 2 * FP32_NUMBERS;
    return 0;
}

static int measure_matrix(struct device *d, int64_t duration, double *ret, struct problem *p) {
    struct operation o = {.measurement = MATRIX, .device = d, .groups = d->units * MATRIX_GROUPS};
    double launches;
    if (d->matrix_depth == 0)
        return 0;
    if (clear_state(d, p) != 0 || time_operation(&o, duration, &launches, p) != 0 ||
        check_state(&o, "matrix", p) != 0)
        return -1;
    double product = 2 * 16 * 8 * (double)d->matrix_depth;
    *ret =
        launches * o.groups * d->group / MATRIX_ITEMS * MATRIX_ROUNDS * 2 * MATRIX_TILES * product;
    return 0;
}

/* ---- memory and transfers ---- */

static uint32_t new_key(struct device *d) {
    d->key += UINT32_C(0x7f4a7c15);
    return d->key;
}

static uint32_t expected_sum(size_t bytes, uint32_t key) {
    uint64_t words = bytes / 4;
    return (uint32_t)(words * (words - 1) / 2) * PATTERN + (uint32_t)words * key;
}

static uint32_t sum_host(const struct device *d, size_t bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes / 4; i++)
        sum += d->host[i];
    return sum;
}

static void fill_host(struct device *d, uint32_t key) {
    for (size_t i = 0; i < d->host_bytes / 4; i++)
        d->host[i] = (uint32_t)i * PATTERN + key;
}

static int fill_device(struct device *d, enum buffer buffer, size_t bytes, uint32_t key,
                       struct problem *p) {
    return d->backend->launch(d, KERNEL_FILL, (uint32_t)(bytes / chunk_of(d)), buffer, buffer, 0,
                              key, p);
}

static int wrong_data(const struct device *d, const char *what, struct problem *p) {
    return problem_set(p, "wrong-result", "gpu%d (%s) has wrong data after %s", d->number, d->model,
                       what);
}

/* The sums that KERNEL_READ left for `bytes` of a buffer. */
static int check_sums(struct device *d, size_t bytes, uint32_t key, const char *what,
                      struct problem *p) {
    size_t sums = bytes / (VECTORS * 16) * 4;
    if (d->backend->receive(d, BUFFER_SUMS, sums, p) != 0)
        return -1;
    return sum_host(d, sums) == expected_sum(bytes, key) ? 0 : wrong_data(d, what, p);
}

static int check_buffer(struct device *d, enum buffer buffer, size_t bytes, uint32_t key,
                        const char *what, struct problem *p) {
    uint32_t groups = (uint32_t)(bytes / chunk_of(d));
    if (d->backend->launch(d, KERNEL_READ, groups, buffer, BUFFER_SUMS, 0, 0, p) != 0 ||
        d->backend->finish(d, p) != 0)
        return -1;
    return check_sums(d, bytes, key, what, p);
}

static int measure_memory(struct device *d, int64_t duration, double *read, double *copy,
                          struct problem *p) {
    uint32_t groups = (uint32_t)(d->bytes / chunk_of(d)), key = new_key(d);
    struct operation reads = {.measurement = READ, .device = d, .groups = groups};
    struct operation copies = {.measurement = COPY, .device = d, .groups = groups, .key = key};
    if (fill_device(d, BUFFER_A, d->bytes, key, p) != 0 || d->backend->finish(d, p) != 0 ||
        time_operation(&reads, duration, read, p) != 0 ||
        check_sums(d, d->bytes, key, "reading memory", p) != 0 ||
        time_operation(&copies, duration, copy, p) != 0 ||
        check_buffer(d, BUFFER_B, d->bytes, 2 * key, "copying memory", p) != 0)
        return -1;
    *read *= (double)d->bytes;
    *copy *= 2 * (double)d->bytes;
    return 0;
}

static int measure_transfers(struct device *d, int64_t duration, double *to, double *from,
                             struct problem *p) {
    uint32_t key = new_key(d);
    struct operation sends = {.measurement = SEND, .device = d};
    struct operation receives = {.measurement = RECEIVE, .device = d};
    fill_host(d, key);
    if (time_operation(&sends, duration, to, p) != 0 ||
        check_buffer(d, BUFFER_B, d->host_bytes, key, "a transfer to it", p) != 0)
        return -1;
    key = new_key(d);
    if (fill_device(d, BUFFER_B, d->host_bytes, key, p) != 0 || d->backend->finish(d, p) != 0 ||
        time_operation(&receives, duration, from, p) != 0)
        return -1;
    if (sum_host(d, d->host_bytes) != expected_sum(d->host_bytes, key))
        return wrong_data(d, "a transfer from it", p);
    *to *= (double)d->host_bytes;
    *from *= (double)d->host_bytes;
    return 0;
}

int measure(struct device *d, int64_t duration, struct rates *ret, struct health *health,
            struct problem *p) {
    *ret = (struct rates){0};
    if (measure_fp32(d, duration, &ret->fp32, health, p) != 0 ||
        measure_matrix(d, duration, &ret->matrix, p) != 0 ||
        measure_memory(d, duration, &ret->read, &ret->copy, p) != 0)
        return -1;
    return measure_transfers(d, duration, &ret->to_device, &ret->from_device, p);
}
