/*
 * pattern: see pattern.h.
 *
 * All bits off and on, neighbours different both ways, and each word its own address, which finds
 * address lines that are stuck. What is written is flushed line by line, because a part that fits
 * the caches would otherwise never come to the memory.
 *
 * A bit that ECC corrects is not seen here; the kernel's counters tell of those.
 */
#include "pattern.h"

#include "team.h"

#include <stdatomic.h>

#define LINE 64

static const uint64_t patterns[] = {0, ~UINT64_C(0), UINT64_C(0x5555555555555555),
                                    UINT64_C(0xaaaaaaaaaaaaaaaa), 0 /* the address */};
#define ADDRESS (ARRAY_LEN(patterns) - 1)

struct check {
    uint64_t *memory;
    size_t words;
    int count;
    size_t pattern;
    atomic_llong wrong; /* a word, -1: none */
};

static uint64_t expected(const struct check *c, size_t word) {
    return c->pattern == ADDRESS ? (uint64_t)(uintptr_t)&c->memory[word] : patterns[c->pattern];
}

static void flush(const void *p) {
#if defined(__x86_64__)
    __builtin_ia32_clflush(p);
#elif defined(__aarch64__)
    __asm__ volatile("dc civac, %0" ::"r"(p) : "memory");
#endif
}

static void settle(void) {
#if defined(__x86_64__)
    __builtin_ia32_mfence();
#elif defined(__aarch64__)
    __asm__ volatile("dsb sy" ::: "memory");
#endif
}

static void part_of(const struct check *c, int i, size_t *from, size_t *to) {
    size_t each = c->words / (size_t)c->count;
    *from = each * (size_t)i;
    *to = i + 1 == c->count ? c->words : each * (size_t)(i + 1);
}

static void write_part(void *arg, int i) {
    struct check *c = arg;
    size_t from, to;
    part_of(c, i, &from, &to);
    for (size_t w = from; w < to; w++)
        c->memory[w] = expected(c, w);
    for (size_t w = from; w < to; w += LINE / sizeof(*c->memory))
        flush(&c->memory[w]);
    settle();
}

static void read_part(void *arg, int i) {
    struct check *c = arg;
    const volatile uint64_t *memory = c->memory;
    size_t from, to;
    part_of(c, i, &from, &to);
    for (size_t w = from; w < to; w++)
        if (memory[w] != expected(c, w)) {
            atomic_store(&c->wrong, (long long)w);
            return;
        }
}

static int say(const struct check *c, struct failure *f) {
    size_t word = (size_t)c->wrong;
    uint64_t should = expected(c, word), is = c->memory[word];
    int bits = __builtin_popcountll(should ^ is);
    return failure_set(
        f, "wrong-result", "memory: wrote %016llx, read %016llx (%d bit%s) at byte %zu of %zu",
        (unsigned long long)should, (unsigned long long)is, bits,
        bits == 1 ? " differs" : "s differ", word * sizeof(uint64_t), c->words * sizeof(uint64_t));
}

int pattern_check(uint64_t *memory, size_t words, const int *cpus, int count, struct failure *f) {
    struct check c = {.memory = memory, .words = words, .count = count, .wrong = -1};
    for (c.pattern = 0; c.pattern < ARRAY_LEN(patterns); c.pattern++) {
        if (team_run(cpus, count, write_part, &c, NULL, f) != 0)
            return -1;
#ifdef MEMORY_FLIP /* a build for a test */
        memory[words / 3] ^= UINT64_C(1) << MEMORY_FLIP;
#endif
        if (team_run(cpus, count, read_part, &c, NULL, f) != 0)
            return -1;
        if (c.wrong >= 0)
            return say(&c, f);
    }
    return 0;
}
