/*
 * matrix: see matrix.h.
 *
 * One text, matrix_kernel.h, made into functions for several sets of instructions. A tile is as
 * large as the registers allow: its vectors, a column of the left factor and one number of the
 * right one fill 32 registers of AVX-512 and NEON and 16 of the others.
 *
 * The compilers' vector types serve as intrinsics would, and are the same on both architectures.
 * Pure functions.
 */
#include "matrix.h"

#include <stddef.h>

/* The agent is built to be small, and elsewhere without fused operations. */
#ifdef __clang__
#pragma clang fp contract(fast)
#define HOT
#define UNROLLED_TWICE
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define HOT __attribute__((optimize("O3", "fp-contract=fast")))
#define UNROLLED _Pragma("GCC unroll 16")
#define UNROLLED_TWICE _Pragma("GCC unroll 2")
#endif

/* As many lanes in every way: the checksum must not depend on it. */
#define CHECKSUM_LANES 8
typedef uint64_t checksum_vector __attribute__((vector_size(CHECKSUM_LANES * sizeof(uint64_t))));
struct checksum_part {
    checksum_vector bits;
} __attribute__((may_alias));

#if defined(__x86_64__)

#define WAY(name) avx512_##name
#define TARGET HOT __attribute__((target("avx512f")))
#define LANES 8
#define HIGH 3
#define WIDE 8
#include "matrix_kernel.h"

#define WAY(name) avx2_##name
#define TARGET HOT __attribute__((target("avx2,fma")))
#define LANES 4
#define HIGH 3
#define WIDE 4
#include "matrix_kernel.h"

#define WAY(name) sse2_##name
#define TARGET HOT
#define LANES 2
#define HIGH 2
#define WIDE 4
#define SPREAD
#include "matrix_kernel.h"

/* The compiler's run-time library asks CPUID what there is and XGETBV what the kernel keeps. */
static bool avx512_usable(void) {
    return __builtin_cpu_supports("avx512f");
}

static bool avx2_usable(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else /* aarch64, where NEON is always there; anything else gets what its compiler makes of it */

#define WAY(name) neon_##name
#define TARGET HOT
#define LANES 2
#define HIGH 4
#define WIDE 6
#include "matrix_kernel.h"

#endif

static bool always_usable(void) {
    return true;
}

const struct matrix_way matrix_ways[] = {
#if defined(__x86_64__)
    {"avx512", avx512_usable, avx512_multiply},
    {"avx2", avx2_usable, avx2_multiply},
    {"sse2", always_usable, sse2_multiply},
#else
    {"neon", always_usable, neon_multiply},
#endif
    {.name = NULL},
};

const struct matrix_way *matrix_best(void) {
    const struct matrix_way *w = matrix_ways;
    while (!w->usable())
        w++;
    return w;
}

static void fill(double *to, size_t n, uint64_t x) {
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        to[i] = (double)((int)(x >> 42) - (1 << 21));
    }
}

/* |numbers| < 2^21, |products| < 2^42, |sums of 192| < 2^50: exact in 53 bits. */
void matrix_fill(struct matrix *m) {
    fill(m->left[0], MATRIX_DEPTH * MATRIX_ROWS, 1);
    fill(m->right[0], MATRIX_DEPTH * MATRIX_COLUMNS, 2);
}
