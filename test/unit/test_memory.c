/* What the parts of the agent's memory benchmark promise. */
#include "cache.h"
#include "chase.h"
#include "cpus.h"
#include "memfree.h"
#include "numa.h"
#include "pattern.h"
#include "stream.h"
#include "test.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

/* The same once more, with a bit that flips. */
#define MEMORY_FLIP 5
#define pattern_check pattern_check_flipping
int pattern_check(uint64_t *memory, size_t words, const int *on, int count, struct failure *f);
#include "../../agent/pattern.c"
#undef pattern_check

#define N 30011 /* a prime: slices are of different size */

static double a[N], b[N], c[N];
static bool negative[3];
static int cpus[CPUS_MAX];

/* Three slices, on what CPUs there are. */
static struct stream arrays(void) {
    int n = cpus_allowed(cpus);
    assert_true(n > 0);
    for (int i = n; i < 3; i++)
        cpus[i] = cpus[0];
    memset(negative, 0, sizeof(negative));
    struct stream s = {
        .a = a, .b = b, .c = c, .n = N, .cpus = cpus, .count = 3, .negative = negative};
    struct failure f;
    assert_int_equal(stream_touch(&s, &f), 0);
    return s;
}

static void bandwidth_is_measured_of_all_and_of_some(UNUSED void **state) {
    struct stream s = arrays();
    struct stream_rates r;
    struct failure f;
    for (int first = 0; first < 3; first++)
        for (int count = 1; first + count <= 3; count++) {
            assert_int_equal(stream_run(&s, first, count, CLOCK_MS, &r, &f), 0);
            for (int k = 0; k < STREAM_KERNELS; k++)
                assert_true(isfinite(r.best[k]) && r.median[k] > 0 && r.best[k] >= r.median[k]);
        }
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs(a[i]) == (double)(i & 0xfffff) + 1);
        assert_true(b[i] == a[i] && c[i] == 0);
    }
}

static void a_wrong_element_is_found(UNUSED void **state) {
    static const size_t places[] = {0, N / 2, N - 1};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct stream s = arrays();
        struct stream_rates r;
        struct failure f;
        char number[32];
        a[places[i]] += 1;
        assert_int_equal(stream_run(&s, 0, 3, CLOCK_MS, &r, &f), -1);
        assert_string_equal(f.reason, "wrong-result");
        snprintf(number, sizeof(number), "element %zu ", places[i]);
        assert_non_null(strstr(f.detail, number));
    }
}

static void a_chase_passes_every_line(UNUSED void **state) {
    for (size_t bytes = 4096; bytes <= 1 << 20; bytes *= 4) {
        char *memory = aligned_alloc(64, bytes);
        assert_non_null(memory);
        double ns = chase_ns(memory, bytes, 4 * CLOCK_MS);
        assert_true(isfinite(ns) && ns > 0);
        size_t lines = 0;
        void *at = memory;
        do {
            at = *(void **)at;
            assert_in_range((uintptr_t)at, (uintptr_t)memory, (uintptr_t)(memory + bytes - 1));
            lines++;
        } while (at != memory && lines <= bytes);
        assert_int_equal(lines, bytes / CHASE_LINE);
        free(memory);
    }
}

static void memory_that_keeps_its_patterns_passes(UNUSED void **state) {
    static uint64_t memory[N];
    struct failure f;
    arrays();
    assert_int_equal(pattern_check(memory, N, cpus, 3, &f), 0);
    assert_int_equal(pattern_check(memory, 1, cpus, 3, &f), 0);
    assert_true(memory[0] == (uint64_t)(uintptr_t)memory);
}

static void a_flipped_bit_is_named(UNUSED void **state) {
    static uint64_t memory[N];
    struct failure f;
    arrays();
    assert_int_equal(pattern_check_flipping(memory, N, cpus, 3, &f), -1);
    assert_string_equal(f.reason, "wrong-result");
    char sentence[200];
    snprintf(sentence, sizeof(sentence),
             "memory: wrote 0000000000000000, read 0000000000000020 (1 bit differs) at byte %zu of "
             "%zu",
             (size_t)N / 3 * 8, (size_t)N * 8);
    assert_string_equal(f.detail, sentence);
}

static void the_machine_is_known(UNUSED void **state) {
    static int nodes[CPUS_MAX];
    struct sysinfo info;
    int n = cpus_allowed(cpus), together = 0;
    numa_sort(cpus, nodes, n);
    for (int i = 0, run; i < n; i += run, together += run) {
        run = numa_run(nodes + i, n - i);
        assert_true(run > 0);
        for (int j = 1; j < run; j++)
            assert_true(nodes[i + j] == nodes[i] && cpus[i + j] > cpus[i + j - 1]);
        assert_true(i + run == n || nodes[i + run] > nodes[i]);
    }
    assert_int_equal(together, n);
    assert_int_equal(sysinfo(&info), 0);
    assert_in_range(memfree_bytes(), 1, (int64_t)info.totalram * info.mem_unit);
    assert_true(cache_last_level(cpus, n) >= cache_bytes(cpus[0], 3));
    assert_true(cache_last_level(cpus, n) >= cache_last_level(cpus, 1));
    assert_int_equal(cache_last_level(cpus, 0), 0);
    assert_int_equal(cache_bytes(CPUS_MAX, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bandwidth_is_measured_of_all_and_of_some),
        cmocka_unit_test(a_wrong_element_is_found),
        cmocka_unit_test(a_chase_passes_every_line),
        cmocka_unit_test(memory_that_keeps_its_patterns_passes),
        cmocka_unit_test(a_flipped_bit_is_named),
        cmocka_unit_test(the_machine_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
