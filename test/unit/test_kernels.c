/*
 * The cpu benchmark's kernels: every way of multiplying that this CPU has comes to the product that
 * the definition gives, number by number, and every kernel to its known answer, again and again.
 */
#include "kernels.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct workplace *workplace;

static int make(UNUSED void **state) {
    workplace = aligned_alloc(128, (sizeof(*workplace) + 127) / 128 * 128);
    return workplace ? 0 : -1;
}

static int drop(UNUSED void **state) {
    free(workplace);
    return 0;
}

/* In whole numbers, in which nothing is ever rounded. */
static int64_t element(const struct matrix *m, int row, int column) {
    int64_t sum = 0;
    for (int k = 0; k < MATRIX_DEPTH; k++)
        sum += (int64_t)m->left[k][row] * (int64_t)m->right[k][column];
    return sum;
}

static void every_way_gives_the_product(UNUSED void **state) {
    struct matrix *m = &workplace->matrix;
    matrix_fill(m);
    for (const struct matrix_way *w = matrix_ways; w->name; w++) {
        if (!w->usable()) {
            print_message("%s: this CPU does not have it\n", w->name);
            continue;
        }
        memset(m->product, 0, sizeof(m->product));
        uint64_t sum = w->multiply(m);
        for (int j = 0; j < MATRIX_COLUMNS; j++)
            for (int i = 0; i < MATRIX_ROWS; i++)
                if ((int64_t)m->product[j][i] != element(m, i, j))
                    fail_msg("%s: %.17g at %d,%d", w->name, m->product[j][i], i, j);
        if (sum != MATRIX_RESULT)
            fail_msg("%s: a checksum of %llx", w->name, (unsigned long long)sum);
    }
}

/* The factors' numbers are wide, and no sum of them leaves what a double holds exactly. */
static void sums_are_exact(UNUSED void **state) {
    struct matrix *m = &workplace->matrix;
    matrix_fill(m);
    double largest = 0, negative = 0;
    for (int k = 0; k < MATRIX_DEPTH; k++)
        for (int i = 0; i < MATRIX_ROWS; i++) {
            double x = m->left[k][i];
            assert_true(x == (double)(int64_t)x);
            largest = x > largest ? x : largest;
            negative += x < 0;
        }
    assert_true(largest > 1 << 20 && largest < 1 << 21);
    assert_in_range((int)negative, MATRIX_DEPTH * MATRIX_ROWS / 3,
                    MATRIX_DEPTH * MATRIX_ROWS * 2 / 3);
    assert_true(MATRIX_DEPTH * 0x1p42 < 0x1p53);
}

static void a_wrong_factor_shows(UNUSED void **state) {
    for (const struct matrix_way *w = matrix_ways; w->name; w++) {
        if (!w->usable())
            continue;
        struct matrix *m = &workplace->matrix;
        matrix_fill(m);
        m->left[100][50] += 1;
        assert_true(w->multiply(m) != MATRIX_RESULT);
    }
}

static void the_best_way_is_usable(UNUSED void **state) {
    const struct matrix_way *best = matrix_best();
    assert_true(best->usable());
    for (const struct matrix_way *w = matrix_ways; w != best; w++)
        assert_false(w->usable());
}

static void kernels_come_to_their_answers(UNUSED void **state) {
    workplace_fill(workplace);
    for (int round = 0; round < 3; round++)
        for (int k = 0; k < KERNEL_COUNT; k++) {
            uint64_t answer = kernels[k].block(workplace);
            if (answer != kernels[k].answer)
                fail_msg("%s: %llx", kernels[k].name, (unsigned long long)answer);
        }
}

static void the_branchy_one_sorts(UNUSED void **state) {
    kernels[KERNEL_BRANCH].block(workplace);
    for (int i = 1; i < KERNELS_SORTED; i++)
        assert_true(workplace->numbers[i - 1] <= workplace->numbers[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_gives_the_product),   cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(a_wrong_factor_shows),          cmocka_unit_test(the_best_way_is_usable),
        cmocka_unit_test(kernels_come_to_their_answers), cmocka_unit_test(the_branchy_one_sorts),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
