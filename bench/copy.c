/*
 * copy: how fast memcpy() is, by where in their pages the two buffers begin.
 *
 * usage: copy [ROUNDS]
 *
 * That is all a transfer is on an OpenCL device that is a CPU. Prints, for clpeak's placement, for
 * muster's and for the beginnings of pages, the median of the rounds (5) in GB/s.
 */
#include "base/attr.h"
#include "base/clock.h"
#include "model/stats.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES ((size_t)256 << 20)
#define PAGE 4096
#define ROUNDS_MAX 100

static char *take(void) {
    char *p = mmap(NULL, BYTES + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : memset(p, 1, BYTES + PAGE);
}

/* GB/s of one round of half a second, in buffers of its own. */
static double copy(size_t from, size_t to) {
    char *a = take(), *b = take();
    if (!a || !b)
        return 0;
    memcpy(a + to, b + from, BYTES);
    int64_t start = clock_now(), took;
    double copies = 0;
    do {
        memcpy(a + to, b + from, BYTES);
        copies++;
        took = clock_now() - start;
    } while (took < CLOCK_S / 2);
    munmap(a, BYTES + PAGE);
    munmap(b, BYTES + PAGE);
    return copies * BYTES / (double)took;
}

int main(int argc, char **argv) {
    static const struct {
        size_t from, to;
        const char *whose;
    } places[] = {{16, 128, "clpeak, to the device"},
                  {128, 16, "clpeak, from the device"},
                  {128, 128, "muster, both"},
                  {0, 0, "pages"}};
    static double rates[ARRAY_LEN(places)][ROUNDS_MAX];
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < ARRAY_LEN(places); i++)
            rates[i][round] = copy(places[i].from, places[i].to);
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        printf("memcpy() from %3zu to %3zu bytes into a page (%s): %.2f GB/s\n", places[i].from,
               places[i].to, places[i].whose, stats_median(rates[i], (size_t)rounds));
}
