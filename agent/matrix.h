/*
 * matrix: a product of matrices of doubles, about as fast as a core can.
 *
 * The numbers are whole, and small enough for every sum of their products to be exact in a double:
 * the result is the same in whatever order they are added, with fused operations or without, so
 * every CPU and every way of multiplying must come to the same one. They are as large as that
 * allows, 22 bits, because a multiplier that is fed with zeros draws less power than one in use.
 *
 * A `struct matrix` belongs to one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MATRIX_ROWS 192
#define MATRIX_COLUMNS 192
#define MATRIX_DEPTH 192

/* Multiplications and additions of a product. */
#define MATRIX_OPERATIONS (2.0 * MATRIX_ROWS * MATRIX_COLUMNS * MATRIX_DEPTH)

/* The checksum of the product of the factors that matrix_fill() sets. */
#define MATRIX_RESULT UINT64_C(0xb751fd468f7060bd)

/* The factors, their product, and copies of what is worked on; 1.2 MB. */
struct matrix {
    _Alignas(64) double left[MATRIX_DEPTH][MATRIX_ROWS]; /* column after column */
    double right[MATRIX_DEPTH][MATRIX_COLUMNS];          /* row after row */
    double product[MATRIX_COLUMNS][MATRIX_ROWS];         /* column after column */
    double left_panels[MATRIX_DEPTH * MATRIX_ROWS];
    double right_panel[MATRIX_DEPTH * 16];
};

/* Sets the factors. */
void matrix_fill(struct matrix *m);

/* A way of multiplying, for CPUs with certain instructions. */
struct matrix_way {
    const char *name;                       /* of the instructions, "avx2" */
    bool (*usable)(void);                   /* the CPU has them, and the kernel keeps their state */
    uint64_t (*multiply)(struct matrix *m); /* sets the product and returns its checksum */
};

/* All that there are for this architecture, the fastest first, ended by one without a name. */
extern const struct matrix_way matrix_ways[];

/* The fastest usable one; there always is one. */
const struct matrix_way *matrix_best(void);
