/*
 * disk: how fast a file on a disk is read and written, past the page cache.
 *
 * The file has no name, so nothing is left of it whatever happens. It is written whole once, so
 * that no read meets a hole. Then each trial measures, for `duration` each:
 *
 *   sequential read and write   1 MiB at a time, 8 at once
 *   random read and write       4 KiB at a time, 32 at once, at places drawn evenly
 *   flush                       4 KiB written and fdatasync(), one after the other
 *
 * Every 4 KiB begin with the number of their place in the file, which whatever is read is checked
 * for; the rest is random bytes, which no disk can pack.
 */
#include "base/clock.h"
#include "benchmark.h"
#include "diskplace.h"
#include "ioqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096
#define CHUNK (1 << 20)
#define CHUNK_DEPTH 8
#define BLOCK_DEPTH 32
#define FLUSHES_MAX 20000
#define MARK UINT64_C(0x6d75737465720000) /* what a place's number is mixed with */

enum { PATH, SIZE, DURATION, URING };

static const struct parameter parameters[] = {
    [PATH] = {"path", PARAMETER_PATH, 0, 0, 0, 0,
              "the folder; without it the first of the usual ones that lies on a disk"},
    [SIZE] = {"size", PARAMETER_BYTES, 16 << 20, INT64_C(1) << 44, INT64_C(1) << 30,
              INT64_C(128) << 20, "of the file"},
    [DURATION] = {"duration", PARAMETER_DURATION, CLOCK_MS, 3600 * CLOCK_S, 500 * CLOCK_MS,
                  200 * CLOCK_MS, "of each of the five measurements"},
    [URING] = {"io_uring", PARAMETER_FLAG, 0, 1, 1, 1, "whether to use it where it is there"},
    {.name = NULL},
};

static int file;
static const char *folder;
static int64_t size;
static char *buffers; /* CHUNK_DEPTH chunks, aligned for direct access */
static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int io_failure(const char *what, int why, struct failure *f) {
    return failure_set(f, why == ENOSPC ? "unsupported" : "benchmark-crashed",
                       "disk: cannot %s in %s: %s", what, folder, strerror(why));
}

/* ---- blocks that know their place ---- */

static void mark(char *data, size_t n, int64_t offset) {
    for (size_t i = 0; i < n; i += BLOCK) {
        uint64_t number = MARK ^ (uint64_t)((offset + (int64_t)i) / BLOCK);
        memcpy(data + i, &number, sizeof(number));
    }
}

static int check_marks(const char *data, size_t n, int64_t offset, struct failure *f) {
    for (size_t i = 0; i < n; i += BLOCK) {
        uint64_t number, block = (uint64_t)((offset + (int64_t)i) / BLOCK);
        memcpy(&number, data + i, sizeof(number));
        if (number != (MARK ^ block))
            return failure_set(f, "wrong-result",
                               "disk: block %llu of the file in %s does not hold what was written",
                               (unsigned long long)block, folder);
    }
    return 0;
}

/* ---- many requests at once ---- */

struct load {
    bool write, random;
    size_t request; /* bytes */
    int depth;
    int64_t most; /* bytes to be done, 0: until the time is over */
};

static int64_t next_offset(const struct load *l, int64_t last) {
    if (l->random)
        return (int64_t)(next_random() % (uint64_t)(size / (int64_t)l->request)) *
               (int64_t)l->request;
    int64_t next = last + (int64_t)l->request;
    return next + (int64_t)l->request <= size ? next : 0;
}

struct flight {
    struct ioqueue queue;
    int64_t offsets[BLOCK_DEPTH]; /* of each slot */
    int64_t last;
    int under_way;
};

static void send(struct flight *fl, const struct load *l, int slot) {
    struct io_request r = {.write = l->write,
                           .slot = slot,
                           .buffer = buffers + (size_t)slot * l->request,
                           .size = l->request};
    r.offset = fl->offsets[slot] = fl->last = next_offset(l, fl->last);
    if (l->write)
        mark(r.buffer, r.size, r.offset);
    ioqueue_add(&fl->queue, &r);
    fl->under_way++;
}

static int receive(struct flight *fl, const struct load *l, const struct io_result *r,
                   struct failure *f) {
    if (r->n != (ssize_t)l->request)
        return io_failure(l->write ? "write" : "read", r->n < 0 ? (int)-r->n : EIO, f);
    if (l->write)
        return 0;
    return check_marks(buffers + (size_t)r->slot * l->request, l->request, fl->offsets[r->slot], f);
}

/* Keeps the queue full until the time is over; *done is how many requests ended by then. */
static int fly(struct flight *fl, const struct load *l, int64_t until, int64_t *done,
               struct failure *f) {
    struct io_result results[BLOCK_DEPTH];
    bool over = false;
    fl->last = -(int64_t)l->request;
    for (int slot = 0; slot < l->depth; slot++)
        send(fl, l, slot);
    while (fl->under_way > 0) {
        int n = ioqueue_wait(&fl->queue, results, BLOCK_DEPTH);
        if (n < 0)
            return io_failure("wait", errno, f);
        fl->under_way -= n;
        *done += over ? 0 : n;
        over |= l->most ? *done * (int64_t)l->request >= l->most : clock_now() >= until;
        for (int i = 0; i < n; i++) {
            if (receive(fl, l, &results[i], f) != 0)
                return -1;
            if (!over)
                send(fl, l, results[i].slot);
        }
    }
    return 0;
}

/* Requests a second. */
static int run_load(const struct load *l, const struct setting *s, double *rate,
                    struct failure *f) {
    struct flight fl = {0};
    int64_t done = 0;
    if (ioqueue_open(&fl.queue, file, (unsigned)l->depth, s[URING].number) != 0)
        return failure_set(f, "unsupported", "neither io_uring nor io_submit is allowed: %s",
                           strerror(errno));
    int64_t begin = clock_now(), end = begin;
    int rc = fly(&fl, l, deadline_in(s[DURATION].number), &done, f);
    end = clock_now();
    struct io_result unused[BLOCK_DEPTH];
    for (int n; fl.under_way > 0 && (n = ioqueue_wait(&fl.queue, unused, BLOCK_DEPTH)) > 0;)
        fl.under_way -= n; /* of a failure: the buffers are theirs until then */
    ioqueue_close(&fl.queue);
    *rate = (double)done / ((double)(end - begin) / 1e9);
    return rc;
}

/* ---- flushes ---- */

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int measure_flush(int64_t duration, struct trial *t, struct failure *f) {
    static int64_t times[FLUSHES_MAX];
    size_t n = 0;
    int64_t until = deadline_in(duration);
    do {
        int64_t offset = (int64_t)n % (size / BLOCK) * BLOCK;
        mark(buffers, BLOCK, offset);
        if (pwrite(file, buffers, BLOCK, offset) != BLOCK)
            return io_failure("write", errno, f);
        int64_t begin = clock_now();
        if (fdatasync(file) != 0)
            return io_failure("flush", errno, f);
        times[n++] = clock_now() - begin;
    } while (n < FLUSHES_MAX && clock_now() < until);
    qsort(times, n, sizeof(*times), compare);
    trial_add(t, "flush", "us", (double)times[n / 2] / 1e3, true);
    trial_add(t, "flush_p99", "us", (double)times[(n - 1) * 99 / 100] / 1e3, true);
    return 0;
}

/* ---- the benchmark ---- */

static int prepare(const struct setting *s, struct failure *f) {
    size = s[SIZE].number / CHUNK * CHUNK;
    file = diskplace_open(s[PATH].text, size, &folder, f);
    if (file < 0)
        return -1;
    if (posix_memalign((void **)&buffers, BLOCK, (size_t)CHUNK_DEPTH * CHUNK) != 0)
        return failure_set(f, "internal", "the server is out of memory");
    for (size_t i = 0; i < (size_t)CHUNK_DEPTH * CHUNK; i += sizeof(uint64_t)) {
        uint64_t random = next_random();
        memcpy(buffers + i, &random, sizeof(random));
    }
    int why = posix_fallocate(file, 0, size);
    if (why == ENOSPC)
        return io_failure("make room", why, f);
    double unused;
    struct load fill = {.write = true, .request = CHUNK, .depth = CHUNK_DEPTH, .most = size};
    return run_load(&fill, s, &unused, f);
}

static int trial(const struct setting *s, struct trial *t, struct failure *f) {
    static const struct {
        const char *metric, *unit;
        struct load load;
        double scale; /* from requests a second */
    } loads[] = {
        {"read_iops", "IOPS", {.random = true, .request = BLOCK, .depth = BLOCK_DEPTH}, 1},
        {"write_iops",
         "IOPS",
         {.write = true, .random = true, .request = BLOCK, .depth = BLOCK_DEPTH},
         1},
        {"read", "MB/s", {.request = CHUNK, .depth = CHUNK_DEPTH}, CHUNK / 1e6},
        {"write", "MB/s", {.write = true, .request = CHUNK, .depth = CHUNK_DEPTH}, CHUNK / 1e6},
    };
    for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
        double rate;
        if (run_load(&loads[i].load, s, &rate, f) != 0)
            return -1;
        trial_add(t, loads[i].metric, loads[i].unit, rate * loads[i].scale, false);
    }
    t->class = diskplace_class(file);
    return measure_flush(s[DURATION].number, t, f);
}

const struct benchmark benchmark_disk = {
    .name = "disk",
    .about = "sequential and random reads and writes of a file, past the page cache, and flushes",
    .parameters = parameters,
    .trials = 3,
    .prepare = prepare,
    .trial = trial,
};
