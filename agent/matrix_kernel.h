/*
 * matrix_kernel: the product with vectors of one width. matrix.c includes this once for each way of
 * multiplying, with
 *
 *   WAY(name)  the name of something in that way
 *   TARGET     attributes of a function that let the compiler use its instructions
 *   LANES      doubles in a vector
 *   HIGH       height of a tile, in vectors
 *   WIDE       width of a tile, in columns
 *   SPREAD     numbers of the right factor are packed as vectors: where an instruction that loads
 *              one number into all lanes is missing
 *
 * A tile of the product stays in registers while the depth is gone through: a step loads HIGH
 * vectors of the left factor and WIDE numbers of the right one for HIGH x WIDE multiplications and
 * additions. What it loads is packed first, so that it lies in a row: the left factor in panels as
 * high as a tile, all of which the second cache keeps, the right one a panel as wide as a tile at a
 * time, which the first cache keeps until all tiles of these columns are done.
 */
#define HEIGHT (LANES * HIGH)
#define AHEAD 8 /* steps; the second cache takes about so long */

_Static_assert(MATRIX_ROWS % HEIGHT == 0, "panels fill the left factor");
_Static_assert(MATRIX_COLUMNS % WIDE == 0, "panels fill the right factor");

typedef double WAY(vector) __attribute__((vector_size(LANES * sizeof(double))));
#ifdef SPREAD
typedef WAY(vector) WAY(number);
#else
typedef double WAY(number);
#endif

TARGET static void WAY(pack_left)(struct matrix *m) {
    WAY(vector) *to = (WAY(vector) *)m->left_panels;
    for (int row = 0; row < MATRIX_ROWS; row += HEIGHT)
        for (int k = 0; k < MATRIX_DEPTH; k++) {
            const WAY(vector) *from = (const WAY(vector) *)&m->left[k][row];
            for (int i = 0; i < HIGH; i++)
                *to++ = from[i];
        }
}

TARGET static void WAY(pack_right)(struct matrix *m, int column) {
    WAY(number) *to = (WAY(number) *)m->right_panel;
    for (int k = 0; k < MATRIX_DEPTH; k++)
        for (int j = 0; j < WIDE; j++)
            *to++ = m->right[k][column + j] + (WAY(number)){0};
}

TARGET static void WAY(tile)(struct matrix *m, int row, int column) {
    const WAY(vector) *left = (const WAY(vector) *)&m->left_panels[row * MATRIX_DEPTH];
    const WAY(number) *right = (const WAY(number) *)m->right_panel;
    WAY(vector) sum[WIDE][HIGH] = {0};
    UNROLLED_TWICE
    for (int k = 0; k < MATRIX_DEPTH; k++, left += HIGH, right += WIDE) {
        UNROLLED
        for (int i = 0; i < HIGH; i++)
            __builtin_prefetch(&left[AHEAD * HIGH + i]);
        UNROLLED
        for (int j = 0; j < WIDE; j++)
            UNROLLED
        for (int i = 0; i < HIGH; i++)
            sum[j][i] += left[i] * right[j];
    }
    UNROLLED
    for (int j = 0; j < WIDE; j++) {
        WAY(vector) *to = (WAY(vector) *)&m->product[column + j][row];
        UNROLLED
        for (int i = 0; i < HIGH; i++)
            to[i] = sum[j][i];
    }
}

/*
 * The sum turns before each addition, so that two numbers that have changed places show, too. One
 * wrong bit always does.
 */
TARGET static uint64_t WAY(checksum)(const struct matrix *m) {
    const struct checksum_part *from = (const struct checksum_part *)m->product;
    checksum_vector sum = {0};
    for (size_t i = 0; i < sizeof(m->product) / sizeof(*from); i++)
        sum = (sum << 1 | sum >> 63) + from[i].bits;
    uint64_t total = 0;
    for (int i = 0; i < CHECKSUM_LANES; i++)
        total = (total ^ sum[i]) * UINT64_C(0xd6e8feb86659fd93);
    return total;
}

TARGET static uint64_t WAY(multiply)(struct matrix *m) {
    WAY(pack_left)(m);
    for (int column = 0; column < MATRIX_COLUMNS; column += WIDE) {
        WAY(pack_right)(m, column);
        for (int row = 0; row < MATRIX_ROWS; row += HEIGHT)
            WAY(tile)(m, row, column);
    }
    return WAY(checksum)(m);
}

#undef HEIGHT
#undef AHEAD
#undef WAY
#undef TARGET
#undef LANES
#undef HIGH
#undef WIDE
#undef SPREAD
