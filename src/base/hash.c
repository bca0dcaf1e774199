/* hash: see hash.h. Pure. */
#include "base/hash.h"

uint64_t hash_mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t hash_text(uint64_t seed, const char *text, size_t n) {
    uint64_t h = hash_mix(seed);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash_mix(h);
}

double hash_fraction(uint64_t h) {
    return (double)(h >> 11) * 0x1p-53;
}
