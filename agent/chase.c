/*
 * chase: see chase.h.
 *
 * The order is that of a linear congruential generator modulo the number of lines, a power of two:
 * with an odd increment and a multiplier of 1 modulo 4 it passes every line once before it comes
 * back (Hull and Dobell, 1962). So the ring of a gigabyte is written in one sequential pass, where
 * shuffling it would take as many random accesses as there are lines.
 *
 * Time is taken of batches, and the median of the batches counts, so that an interrupt in one of
 * them does not.
 */
#include "chase.h"

#include "base/clock.h"

#include <stdlib.h>

#define MULTIPLIER UINT64_C(0x5851f42d4c957f2d)
#define INCREMENT UINT64_C(0x14057b7ef767814f)
#define BATCHES_MAX 1001
#define BATCH (5 * CLOCK_MS)
#define UNROLLED 16

static void write_ring(char *memory, size_t lines) {
    for (size_t i = 0; i < lines; i++) {
        size_t next = (size_t)(i * MULTIPLIER + INCREMENT) & (lines - 1);
        *(void **)(memory + i * CHASE_LINE) = memory + next * CHASE_LINE;
    }
}

static __attribute__((noinline)) void *run(void *at, size_t loads) {
    for (size_t i = 0; i < loads; i += UNROLLED) {
#pragma GCC unroll 16
        for (int j = 0; j < UNROLLED; j++)
            at = *(void *volatile *)at;
    }
    return at;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double chase_ns(void *memory, size_t bytes, int64_t duration) {
    double times[BATCHES_MAX];
    size_t lines = bytes / CHASE_LINE, loads = 1024, n = 0;
    write_ring(memory, lines);
    void *at = memory;
    /* once around, or as far as there is time: what fits a cache is then in it */
    int64_t until = deadline_in(duration / 4);
    for (size_t warm = 0; warm < lines && clock_now() < until; warm += loads)
        at = run(at, loads);
    until = deadline_in(duration);
    do {
        int64_t begin = clock_now();
        at = run(at, loads);
        int64_t took = clock_now() - begin;
        times[n++] = (double)took / (double)loads;
        if (took < BATCH / 2 && loads < SIZE_MAX / 4) {
            loads *= 2; /* too short to be timed well: what was taken so far does not count */
            n = 0;
        }
    } while (n < BATCHES_MAX && (clock_now() < until || n < 3));
    qsort(times, n, sizeof(*times), compare);
    return times[n / 2];
}
