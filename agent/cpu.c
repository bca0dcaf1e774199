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
 * Threads share the counter of a phase.
 */
#include "base/clock.h"
#include "benchmark.h"
#include "cpus.h"
#include "team.h"

#include <math.h>
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
    atomic_int wrong;    /* the worker that computed a wrong result, -1: none */
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

static void work(void *arg, int i) {
    struct phase *p = arg;
    /* a call that the compiler cannot see through, lest it computes one block for all */
    uint64_t (*volatile block)(void) = p->kernel->block;
    while (atomic_load_explicit(&p->wrong, memory_order_relaxed) < 0 &&
           atomic_fetch_sub_explicit(&p->blocks, 1, memory_order_relaxed) > 0)
        if (block() != p->kernel->result)
            atomic_store(&p->wrong, i);
}

/* Does `blocks` blocks on the CPUs and tells the rate in operations per second. */
static int run_phase(const struct kernel *kernel, const int *on, int n, int64_t blocks,
                     double *rate, struct failure *f) {
    struct phase p = {.kernel = kernel, .blocks = blocks, .wrong = -1};
    struct team_times times;
    if (team_run(on, n, work, &p, &times, f) != 0)
        return -1;
    if (p.wrong >= 0)
        return failure_set(f, "wrong-result", "CPU %d computed a wrong result", on[p.wrong]);
    *rate = (double)blocks * kernel->operations / ((double)(times.end - times.begin) / 1e9);
    return 0;
}

static int measure(const int *on, int n, int64_t blocks, double rates[2], struct failure *f) {
    for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
        if (run_phase(&kernels[i], on, n, blocks, &rates[i], f) != 0)
            return -1;
    return 0;
}

enum { WORK };

static const struct parameter parameters[] = {
    [WORK] = {"work", PARAMETER_COUNT, 1, WORK_MAX, DEFAULT_WORK, DEFAULT_WORK / 3,
              "blocks of each kernel for every CPU"},
    {.name = NULL},
};

static int cpus[CPUS_MAX];
static int count;

static int prepare(const struct setting *s, struct failure *f) {
    (void)s;
    count = cpus_allowed(cpus);
    if (count == 0)
        return failure_set(f, "unsupported", "the system does not tell which CPUs are allowed");
    return 0;
}

static int trial(const struct setting *s, struct trial *ret, struct failure *f) {
    int64_t blocks = s[WORK].number;
    double all[2] = {0}, one[2] = {0};
    if (measure(cpus, count, blocks * count, all, f) != 0 ||
        measure(&cpus[count - 1], 1, blocks, one, f) != 0)
        return -1;
    ret->units = count;
    trial_add(ret, "all_cores", "Mop/s", sqrt(all[0] * all[1]) / 1e6, false);
    trial_add(ret, "one_core", "Mop/s", sqrt(one[0] * one[1]) / 1e6, false);
    trial_add(ret, "int_all", "Mop/s", all[0] / 1e6, false);
    trial_add(ret, "float_all", "Mop/s", all[1] / 1e6, false);
    trial_add(ret, "int_one", "Mop/s", one[0] / 1e6, false);
    trial_add(ret, "float_one", "Mop/s", one[1] / 1e6, false);
    return 0;
}

const struct benchmark benchmark_cpu = {
    .name = "cpu",
    .about = "integer and floating-point work on every allowed core at once, and on one alone",
    .parameters = parameters,
    .trials = 3,
    .prepare = prepare,
    .trial = trial,
};
