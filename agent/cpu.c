/*
 * cpu: how much the CPUs compute, all allowed ones at once and one alone.
 *
 * Two kernels, each a fixed block of work with a known result, bit for bit the same on every
 * machine, so that a CPU that computes wrongly is found by every block it does:
 *
 *   integer  65536 operations; one is a step of a xorshift generator, the lookup of a table that
 *            stays in the first cache, a multiplication, and a branch that is taken at random one
 *            time in eight, into a division.
 *   float    32 x 32^3 operations; one is a multiplication and an addition of doubles (not fused),
 *            of a product of 32 x 32 matrices that stay in the first cache. Every element is summed
 *            in a fixed order, so vector units change the speed and not the result; the file is
 *            compiled with -ffp-contract=off.
 *
 * A trial does `work` blocks per CPU of each kernel: first all CPUs at once, one bound thread each,
 * then one CPU alone (the last allowed one: the first serves most interrupts). Blocks are handed
 * out one at a time from one counter, so the figure for all CPUs is what they got done together in
 * the time from the common start to the last block: a slow CPU lowers it by what it lacks, and does
 * not make all others wait.
 *
 * Rates are millions of operations per second; `all_cores` and `one_core` are the geometric means
 * of the integer and the float rates, so that neither kernel outweighs the other.
 *
 * Threads share the counter and the barrier of a phase; each writes its own struct worker.
 */
#include "base/clock.h"
#include "benchmark.h"
#include "cpus.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define DEFAULT_WORK 900 /* about 0.3 s for all CPUs and as much for one on a server of 2023 */
#define WORK_MAX 1000000

#define INT_STEPS 65536
#define TABLE_SIZE 1024
#define FLOAT_ROUNDS 32
#define SIZE 32

/* The results of a block. A build for a test puts in a wrong one. */
#ifndef INT_RESULT
#define INT_RESULT UINT64_C(0xd3a7018cb9fcfa14)
#endif
#define FLOAT_RESULT UINT64_C(0xc197da1c0b133701)

/* the agent is built to be small; these are what is measured */
#define kernel_function static __attribute__((optimize("O3"), noinline)) uint64_t

struct kernel {
    double operations; /* of one block */
    uint64_t result;
    uint64_t (*block)(void);
};

struct phase {
    const struct kernel *kernel;
    atomic_llong blocks; /* left to be handed out */
    pthread_barrier_t barrier;
    int64_t begin;
};

struct worker {
    struct phase *phase;
    pthread_t thread;
    int cpu;
    int64_t end;
    bool wrong;
};

static inline __attribute__((always_inline)) uint64_t next_random(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

kernel_function integer_block(void) {
    uint32_t table[TABLE_SIZE];
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15), sum = 0;
    for (int i = 0; i < TABLE_SIZE; i++)
        table[i] = (uint32_t)next_random(&x);
    for (int i = 0; i < INT_STEPS; i++) {
        next_random(&x);
        sum = (sum ^ x) * UINT64_C(0xd6e8feb86659fd93) + table[x >> 54];
        if ((x & 7) == 0)
            sum += sum / (x >> 40 | 1);
    }
    return sum;
}

static void fill_matrix(double m[SIZE][SIZE], uint64_t seed) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            m[i][j] = (double)(next_random(&seed) >> 11) * 0x1p-53 - 0.5;
}

kernel_function float_block(void) {
    double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE] = {0};
    fill_matrix(a, 1);
    fill_matrix(b, 2);
    for (int round = 0; round < FLOAT_ROUNDS; round++) {
        for (int i = 0; i < SIZE; i++)
            for (int k = 0; k < SIZE; k++)
                for (int j = 0; j < SIZE; j++)
                    c[i][j] += a[i][k] * b[k][j];
        /* the next product is another one: nothing can be taken out of the loop */
        memcpy(a[round % SIZE], c[round % SIZE], sizeof(a[0]));
    }
    uint64_t sum = 0;
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            uint64_t bits;
            memcpy(&bits, &c[i][j], sizeof(bits));
            sum = (sum ^ bits) * UINT64_C(0xd6e8feb86659fd93);
        }
    return sum;
}

static const struct kernel kernels[] = {
    {INT_STEPS, INT_RESULT, integer_block},
    {FLOAT_ROUNDS * SIZE * SIZE * SIZE, FLOAT_RESULT, float_block},
};

static void *work(void *arg) {
    struct worker *w = arg;
    struct phase *p = w->phase;
    /* a call that the compiler cannot see through, lest it computes one block for all */
    uint64_t (*volatile block)(void) = p->kernel->block;
    cpus_pin(w->cpu);
    if (pthread_barrier_wait(&p->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        p->begin = clock_now();
    while (!w->wrong && atomic_fetch_sub_explicit(&p->blocks, 1, memory_order_relaxed) > 0)
        w->wrong = block() != p->kernel->result;
    w->end = clock_now();
    return NULL;
}

/* Starts the threads; those that are there must be joined even when it fails. */
static int start(struct worker *workers, int count, struct phase *p, int *started,
                 struct failure *f) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 128 * 1024);
    int rc = 0;
    for (*started = 0; *started < count && rc == 0; *started += rc == 0) {
        workers[*started].phase = p;
        workers[*started].wrong = false;
        rc = pthread_create(&workers[*started].thread, &attr, work, &workers[*started]);
    }
    pthread_attr_destroy(&attr);
    if (rc == 0)
        return 0;
    return failure_set(f, "internal", "cpu could start only %d of %d threads: %s", *started, count,
                       strerror(rc));
}

/* Does `blocks` blocks on the workers' CPUs and tells the rate in operations per second. */
static int run_phase(const struct kernel *kernel, struct worker *workers, int count, int64_t blocks,
                     double *rate, struct failure *f) {
    struct phase p = {.kernel = kernel, .blocks = blocks};
    int started;
    pthread_barrier_init(&p.barrier, NULL, (unsigned)count);
    if (start(workers, count, &p, &started, f) != 0)
        return -1; /* those that wait at the barrier end with the process */
    int64_t end = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        end = workers[i].end > end ? workers[i].end : end;
    }
    pthread_barrier_destroy(&p.barrier);
    for (int i = 0; i < count; i++)
        if (workers[i].wrong)
            return failure_set(f, "wrong-result", "CPU %d computed a wrong result", workers[i].cpu);
    *rate = (double)blocks * kernel->operations / ((double)(end - p.begin) / 1e9);
    return 0;
}

static int measure(struct worker *workers, int count, int64_t blocks, double rates[2],
                   struct failure *f) {
    for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
        if (run_phase(&kernels[i], workers, count, blocks, &rates[i], f) != 0)
            return -1;
    return 0;
}

static int trial(const struct json *request, struct trial *ret, struct failure *f) {
    static int cpus[CPUS_MAX];
    int64_t blocks;
    if (benchmark_integer(request, "work", 1, WORK_MAX, DEFAULT_WORK, &blocks, f) != 0)
        return -1;
    int count = cpus_allowed(cpus);
    if (count == 0)
        return failure_set(f, "unsupported", "the system does not tell which CPUs are allowed");
    cleanup(free_ptr) struct worker *workers = calloc((size_t)count, sizeof(*workers));
    if (!workers)
        return failure_set(f, "internal", "out of memory");
    for (int i = 0; i < count; i++)
        workers[i].cpu = cpus[i];
    double all[2] = {0}, one[2] = {0};
    if (measure(workers, count, blocks * count, all, f) != 0 ||
        measure(&workers[count - 1], 1, blocks, one, f) != 0)
        return -1;
    ret->cores = count;
    trial_add(ret, "all_cores", "Mop/s", sqrt(all[0] * all[1]) / 1e6, false);
    trial_add(ret, "one_core", "Mop/s", sqrt(one[0] * one[1]) / 1e6, false);
    trial_add(ret, "int_all", "Mop/s", all[0] / 1e6, false);
    trial_add(ret, "float_all", "Mop/s", all[1] / 1e6, false);
    trial_add(ret, "int_one", "Mop/s", one[0] / 1e6, false);
    trial_add(ret, "float_one", "Mop/s", one[1] / 1e6, false);
    return 0;
}

static const char *const parameters[] = {"work", NULL};

const struct benchmark benchmark_cpu = {.name = "cpu", .parameters = parameters, .trial = trial};
