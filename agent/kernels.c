/*
 * kernels: see kernels.h.
 *
 *   integer  4 independent chains of a xorshift step, a multiplication, and a look-up in a table of
 *            4 KiB, without a branch that depends on data: how fast the core computes. One
 *            operation is one link of a chain.
 *   branch   a quicksort of 8192 random numbers, whose comparisons nobody can predict: how fast the
 *            core decides, and recovers from deciding wrongly. So many that a predictor cannot
 *            learn the block by heart. One operation is one of n log2 n comparisons.
 *   float    a product of matrices of doubles (matrix.h): what the vector units can do. One
 *            operation is one multiplication or addition of two doubles.
 *
 * The first two are plain C and kept from being vectorised, so that what is compared between
 * machines does not turn with the compiler's mind. Pure functions.
 */
#include "kernels.h"

#include <stdbool.h>
#include <stddef.h>

#define CHAINS 4
#define STEPS 32768
#define TABLE 1024

/* below so many numbers an insertion sort is faster */
#define SORT_SMALL 16

/* the agent is built to be small; this is what is measured */
#ifdef __clang__
#define HOT
#else
#define HOT __attribute__((optimize("O2", "no-tree-vectorize")))
#endif

static inline __attribute__((always_inline)) uint64_t next_random(uint64_t x) {
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ x << 17;
}

/* ---- integer ---- */

HOT static uint64_t integer_block(struct workplace *w) {
    uint32_t *table = w->numbers;
    uint64_t x[CHAINS], sum[CHAINS] = {0}, total = 0, seed = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < TABLE; i++)
        table[i] = (uint32_t)(seed = next_random(seed));
    for (int c = 0; c < CHAINS; c++)
        x[c] = seed = next_random(seed);
    for (int i = 0; i < STEPS; i++)
        for (int c = 0; c < CHAINS; c++) {
            x[c] = next_random(x[c]);
            sum[c] = (sum[c] ^ x[c]) * UINT64_C(0xd6e8feb86659fd93) + table[x[c] >> 54];
        }
    for (int c = 0; c < CHAINS; c++)
        total = (total ^ sum[c]) * UINT64_C(0xd6e8feb86659fd93);
    return total;
}

/* ---- branch ---- */

static inline void swap(uint32_t *a, uint32_t *b) {
    uint32_t was = *a;
    *a = *b;
    *b = was;
}

HOT static void insertion_sort(uint32_t *a, ptrdiff_t n) {
    for (ptrdiff_t i = 1; i < n; i++) {
        uint32_t x = a[i];
        ptrdiff_t j = i;
        for (; j > 0 && a[j - 1] > x; j--)
            a[j] = a[j - 1];
        a[j] = x;
    }
}

/* Puts what is not above the middle number before what is not below it; returns where it parts. */
HOT static ptrdiff_t partition(uint32_t *a, ptrdiff_t n) {
    uint32_t pivot = a[n / 2];
    ptrdiff_t low = 0, high = n - 1;
    for (;; low++, high--) {
        while (a[low] < pivot)
            low++;
        while (a[high] > pivot)
            high--;
        if (low >= high)
            return high + 1;
        swap(&a[low], &a[high]);
    }
}

HOT static void sort(uint32_t *a, ptrdiff_t n) {
    while (n > SORT_SMALL) {
        ptrdiff_t at = partition(a, n);
        sort(a, at);
        a += at;
        n -= at;
    }
    insertion_sort(a, n);
}

/* The numbers in their order, each with its place: one that is wrong or out of place shows. */
HOT static uint64_t branch_block(struct workplace *w) {
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15), sum = 0;
    for (int i = 0; i < KERNELS_SORTED; i++)
        w->numbers[i] = (uint32_t)((x = next_random(x)) >> 32);
    sort(w->numbers, KERNELS_SORTED);
    for (int i = 0; i < KERNELS_SORTED; i++)
        sum += (uint64_t)w->numbers[i] * (uint64_t)(2 * i + 1);
    return sum;
}

/* ---- float ---- */

static uint64_t float_block(struct workplace *w) {
    return matrix_best()->multiply(&w->matrix);
}

const struct kernel kernels[KERNEL_COUNT] = {
    [KERNEL_INTEGER] = {"integer", CHAINS *STEPS, UINT64_C(0xbd7beb7366fa08a6), integer_block},
    [KERNEL_BRANCH] = {"branch", KERNELS_SORTED * 13.0, UINT64_C(0x02aed1cdd4782c97), branch_block},
    [KERNEL_FLOAT] = {"float", MATRIX_OPERATIONS, MATRIX_RESULT, float_block},
};

void workplace_fill(struct workplace *w) {
    matrix_fill(&w->matrix);
}
