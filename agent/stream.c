/*
 * stream: see stream.h.
 *
 * The threads of a run meet before and after each kernel at a gate of their own, where they spin:
 * waking threads up takes as long as a kernel on a large machine. They yield the CPU after a
 * while, for they may have to share it. The first thread takes the time, and says when it is
 * enough.
 */
#include "stream.h"

#include "base/clock.h"
#include "team.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define REPEATS_MIN 4 /* the first does not count */
#define REPEATS_MAX 1000
#define SPINS 2000

/*
 * The agent is built to be small; these are what is measured. A loop must not become a call of
 * memcpy(), which has ways of its own to write.
 */
#ifdef __clang__ /* which reads it only to find mistakes */
#define kernel_function static __attribute__((noinline)) void
#else
#define kernel_function                                                                            \
    static __attribute__((optimize("O3", "no-tree-loop-distribute-patterns"), noinline)) void
#endif

struct gate {
    int threads;
    atomic_int arrived;
    atomic_uint round;
};

struct run {
    struct stream *stream;
    int first;
    int64_t duration;
    struct gate gate;
    atomic_bool enough;
    int repeats;
    double times[STREAM_KERNELS][REPEATS_MAX]; /* s */
    atomic_llong wrong;                        /* the first wrong element that was found, -1 */
};

/* The scalar as a variable, lest the compiler makes a negation of it. */
static volatile double scalar = -1;

static double first_value(size_t i) {
    return (double)(i & 0xfffff) + 1;
}

static void slice_of(const struct stream *s, int i, size_t *from, size_t *to) {
    *from = s->n / (size_t)s->count * (size_t)i;
    *to = i + 1 == s->count ? s->n : s->n / (size_t)s->count * (size_t)(i + 1);
}

kernel_function copy(double *restrict c, const double *restrict a, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        c[i] = a[i];
}

kernel_function scale(double *restrict b, const double *restrict c, size_t from, size_t to) {
    double s = scalar;
    for (size_t i = from; i < to; i++)
        b[i] = s * c[i];
}

kernel_function add(double *restrict c, const double *restrict a, const double *restrict b,
                    size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        c[i] = a[i] + b[i];
}

kernel_function triad(double *restrict a, const double *restrict b, const double *restrict c,
                      size_t from, size_t to) {
    double s = scalar;
    for (size_t i = from; i < to; i++)
        a[i] = b[i] + s * c[i];
}

static void touch(void *arg, int i) {
    struct stream *s = arg;
    size_t from, to;
    slice_of(s, i, &from, &to);
    for (size_t j = from; j < to; j++) {
        s->a[j] = first_value(j);
        s->b[j] = 0;
        s->c[j] = 0;
    }
}

int stream_touch(struct stream *s, struct failure *f) {
    return team_run(s->cpus, s->count, touch, s, NULL, f);
}

static void relax(int spins) {
    if (spins > SPINS)
        sched_yield();
#if defined(__x86_64__)
    else
        __builtin_ia32_pause();
#elif defined(__aarch64__)
    else
        __asm__ volatile("yield");
#endif
}

/* Goes on when all threads have come. */
static void pass(struct gate *g) {
    unsigned round = atomic_load(&g->round);
    if (atomic_fetch_add(&g->arrived, 1) + 1 == g->threads) {
        atomic_store(&g->arrived, 0);
        atomic_store(&g->round, round + 1);
        return;
    }
    for (int spins = 0; atomic_load(&g->round) == round; spins++)
        relax(spins);
}

static void run_kernel(struct stream *s, enum stream_kernel k, size_t from, size_t to) {
    switch (k) {
    case STREAM_COPY:
        copy(s->c, s->a, from, to);
        break;
    case STREAM_SCALE:
        scale(s->b, s->c, from, to);
        break;
    case STREAM_ADD:
        add(s->c, s->a, s->b, from, to);
        break;
    case STREAM_TRIAD:
    case STREAM_KERNELS:
        triad(s->a, s->b, s->c, from, to);
        break;
    }
}

/* After a triad b holds what a does, and c nothing. */
static void check(struct run *r, int slice, size_t from, size_t to) {
    struct stream *s = r->stream;
    double sign = s->negative[slice] ? -1 : 1;
    for (size_t i = from; i < to; i++)
        if (s->a[i] != sign * first_value(i) || s->b[i] != s->a[i] || s->c[i] != 0) {
            atomic_store(&r->wrong, (long long)i);
            return;
        }
}

static void work(void *arg, int i) {
    struct run *r = arg;
    size_t from, to;
    int slice = r->first + i;
    int64_t begin = clock_now(), before = 0;
    slice_of(r->stream, slice, &from, &to);
    while (!atomic_load(&r->enough)) {
        for (int k = 0; k < STREAM_KERNELS; k++) {
            pass(&r->gate);
            before = clock_now();
            run_kernel(r->stream, (enum stream_kernel)k, from, to);
            pass(&r->gate);
            if (i == 0)
                r->times[k][r->repeats] = (double)(clock_now() - before) / 1e9;
        }
        r->stream->negative[slice] = !r->stream->negative[slice];
        if (i == 0 && (++r->repeats == REPEATS_MAX ||
                       (r->repeats >= REPEATS_MIN && clock_now() - begin > r->duration)))
            atomic_store(&r->enough, true);
        pass(&r->gate);
    }
    check(r, slice, from, to);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The rates of one kernel over `elements` of each array. */
static void rate(struct run *r, enum stream_kernel k, size_t elements, struct stream_rates *ret) {
    double *times = &r->times[k][1];
    size_t n = (size_t)r->repeats - 1;
    double gigabytes = (k >= STREAM_ADD ? 3 : 2) * sizeof(double) * (double)elements / 1e9;
    qsort(times, n, sizeof(*times), compare);
    ret->best[k] = gigabytes / times[0];
    ret->median[k] = gigabytes / (n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2);
}

int stream_run(struct stream *s, int first, int count, int64_t duration, struct stream_rates *ret,
               struct failure *f) {
    static struct run r;
    size_t from, to, unused;
    r = (struct run){.stream = s, .first = first, .duration = duration, .gate.threads = count};
    atomic_store(&r.wrong, -1);
    if (team_run(s->cpus + first, count, work, &r, NULL, f) != 0)
        return -1;
    if (r.wrong >= 0)
        return failure_set(f, "wrong-result", "memory: element %lld of the arrays is wrong",
                           (long long)r.wrong);
    slice_of(s, first, &from, &unused);
    slice_of(s, first + count - 1, &unused, &to);
    for (int k = 0; k < STREAM_KERNELS; k++)
        rate(&r, (enum stream_kernel)k, to - from, ret);
    return 0;
}
