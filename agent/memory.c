/*
 * memory: bandwidth, latency, and whether memory keeps what it is given.
 *
 * Bandwidth is stream.h's, of all allowed CPUs at once and of each NUMA node by itself where there
 * are several. Each of the three arrays is four times as large as the last-level caches together,
 * as STREAM's rules ask for. Latency is chase.h's, on one CPU (the last allowed one: the first
 * serves most interrupts), in sizes that fit the first, second and third level of its caches and in
 * one that fits none. At the end of a trial a bounded part is checked by pattern.h.
 *
 * Memory is taken once for all trials, never more than three quarters of what is available; huge
 * pages are asked for. The kernel is told to end this process first if memory runs out all the
 * same. a keeps its values from trial to trial; b is also the ring of the chase, and c the part
 * that is checked.
 */
#include "base/clock.h"
#include "benchmark.h"
#include "cache.h"
#include "chase.h"
#include "cpus.h"
#include "memfree.h"
#include "numa.h"
#include "pattern.h"
#include "stream.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE (INT64_C(2) << 20)
#define ARRAY_MIN (INT64_C(64) << 20) /* caches that nobody tells of are smaller */
#define ARRAY_MAX (INT64_C(1) << 42)
#define MIB (1024.0 * 1024.0)

enum { DURATION, SIZE, PATTERN };

static const struct parameter parameters[] = {
    [DURATION] = {"duration", PARAMETER_DURATION, CLOCK_MS, 3600 * CLOCK_S, 1500 * CLOCK_MS,
                  300 * CLOCK_MS, "of the bandwidth of all CPUs; latency takes a third of it"},
    [SIZE] = {"size", PARAMETER_BYTES, 1 << 20, ARRAY_MAX, 0, 0,
              "of an array; without it four times the last-level caches"},
    [PATTERN] = {"pattern", PARAMETER_BYTES, 4096, ARRAY_MAX, INT64_C(256) << 20, INT64_C(32) << 20,
                 "how much memory is checked with patterns"},
    {.name = NULL},
};

static int cpus[CPUS_MAX], nodes[CPUS_MAX];
static bool negative[CPUS_MAX];
static struct stream arrays = {.cpus = cpus, .negative = negative};

/* ---- taking memory ---- */

static int64_t size_of_array(const struct setting *s) {
    int64_t size = s[SIZE].number;
    if (size == 0)
        size = 4 * cache_last_level(cpus, arrays.count);
    if (s[SIZE].number == 0 && size < ARRAY_MIN)
        size = ARRAY_MIN;
    return (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static int check_room(int64_t size, int64_t available, struct failure *f) {
    if (size <= available / 4)
        return 0;
    return failure_set(f, "unsupported",
                       "memory needs three arrays of %.0f MiB (four times the last-level caches of "
                       "%.0f MiB) in three quarters of what is available, %.0f MiB",
                       (double)size / MIB, (double)cache_last_level(cpus, arrays.count) / MIB,
                       (double)available / MIB);
}

/* Should memory run out, this is what may go first. */
static void volunteer(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = write(fd, "1000", 4);
    (void)n; /* where it is not allowed, it is not */
    close(fd);
}

static double *take(int64_t size) {
    char *p = mmap(NULL, (size_t)(size + HUGE_PAGE), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    p += (HUGE_PAGE - (int64_t)((uintptr_t)p % HUGE_PAGE)) % HUGE_PAGE;
    madvise(p, (size_t)size, MADV_HUGEPAGE);
    return (double *)p;
}

static int prepare(const struct setting *s, struct failure *f) {
    arrays.count = cpus_allowed(cpus);
    if (arrays.count == 0)
        return failure_set(f, "unsupported", "the system does not tell which CPUs are allowed");
    numa_sort(cpus, nodes, arrays.count);
    int64_t size = size_of_array(s);
    if (check_room(size, memfree_bytes(), f) != 0)
        return -1;
    volunteer();
    arrays.n = (size_t)size / sizeof(double);
    arrays.a = take(size);
    arrays.b = take(size);
    arrays.c = take(size);
    if (!arrays.a || !arrays.b || !arrays.c)
        return failure_set(f, "unsupported", "three arrays of %.0f MiB cannot be had",
                           (double)size / MIB);
    return stream_touch(&arrays, f);
}

/* ---- a trial ---- */

static const char *const kernels[] = {[STREAM_COPY] = "copy",
                                      [STREAM_SCALE] = "scale",
                                      [STREAM_ADD] = "add",
                                      [STREAM_TRIAD] = "triad"};

static void add_rates(struct trial *t, const struct stream_rates *r) {
    char name[40];
    trial_add(t, "triad", "GB/s", r->best[STREAM_TRIAD], false);
    trial_add(t, "triad_median", "GB/s", r->median[STREAM_TRIAD], false);
    for (int k = 0; k < STREAM_TRIAD; k++) {
        snprintf(name, sizeof(name), "%s_median", kernels[k]);
        trial_add(t, kernels[k], "GB/s", r->best[k], false);
        trial_add(t, name, "GB/s", r->median[k], false);
    }
}

/* Each node by itself, in as much time together as all of them at once had. */
static int measure_nodes(int64_t duration, struct trial *t, struct failure *f) {
    int count = 0;
    for (int first = 0; first < arrays.count; count++)
        first += numa_run(nodes + first, arrays.count - first);
    t->units = count;
    for (int first = 0, n; count > 1 && first < arrays.count; first += n) {
        char name[40];
        struct stream_rates r;
        n = numa_run(nodes + first, arrays.count - first);
        if (stream_run(&arrays, first, n, duration / count, &r, f) != 0)
            return -1;
        snprintf(name, sizeof(name), "node%d_triad", nodes[first]);
        trial_add(t, name, "GB/s", r.best[STREAM_TRIAD], false);
    }
    return 0;
}

/* The largest power of two that is not above n. */
static int64_t power_below(int64_t n) {
    return n > 0 ? INT64_C(1) << (63 - __builtin_clzll((unsigned long long)n)) : 0;
}

static void measure_latency(int64_t duration, struct trial *t) {
    static const char *const names[] = {"latency_l1", "latency_l2", "latency_l3", "latency"};
    int cpu = cpus[arrays.count - 1];
    int64_t largest = power_below((int64_t)(arrays.n * sizeof(double)));
    int64_t below = 0;
    cpus_pin(cpu);
    for (int level = 1; level <= 4; level++) {
        /* three quarters of a cache, for this is not all that is kept in it */
        int64_t cache = level < 4 ? cache_bytes(cpu, level) : 0;
        int64_t bytes = level < 4 ? power_below(cache * 3 / 4) : largest;
        if (bytes < 4096 || bytes <= below || bytes > largest)
            continue;
        trial_add(t, names[level - 1], "ns", chase_ns(arrays.b, (size_t)bytes, duration / 4), true);
        below = bytes;
    }
}

static int trial(const struct setting *s, struct trial *t, struct failure *f) {
    struct stream_rates all;
    int64_t duration = s[DURATION].number;
    if (stream_run(&arrays, 0, arrays.count, duration, &all, f) != 0)
        return -1;
    add_rates(t, &all);
    if (measure_nodes(duration, t, f) != 0)
        return -1;
    measure_latency(duration / 3, t);
    return 0;
}

static int verify(const struct setting *s, struct failure *f) {
    size_t words = (size_t)s[PATTERN].number / sizeof(uint64_t);
    return pattern_check((uint64_t *)arrays.c, words < arrays.n ? words : arrays.n, cpus,
                         arrays.count, f);
}

const struct benchmark benchmark_memory = {
    .name = "memory",
    .about = "bandwidth by STREAM's rules, latency of each level, and whether it keeps patterns",
    .parameters = parameters,
    .trials = 3,
    .prepare = prepare,
    .trial = trial,
    .verify = verify,
};
