/*
 * kernels: the pieces of work that the cpu benchmark is made of, each with its known answer.
 *
 * A block is a piece of a few tenths of a millisecond that needs nothing but the core and its first
 * two caches, and comes to the same answer on every machine.
 */
#pragma once

#include "matrix.h"

#include <stdint.h>

#define KERNELS_SORTED 8192

/* Where a core works; aligned to 64 bytes. One thread at a time uses it. */
struct workplace {
    struct matrix matrix;
    uint32_t numbers[KERNELS_SORTED];
};

struct kernel {
    const char *name;
    double operations; /* in a block */
    uint64_t answer;
    uint64_t (*block)(struct workplace *w);
};

enum { KERNEL_INTEGER, KERNEL_BRANCH, KERNEL_FLOAT, KERNEL_COUNT };

extern const struct kernel kernels[KERNEL_COUNT];

/* What a workplace needs before its first block. */
void workplace_fill(struct workplace *w);
