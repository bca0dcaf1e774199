/*
 * cache: how large the CPUs' caches are, as the kernel tells.
 */
#pragma once

#include <stdint.h>

/* The data (or unified) cache of a level, 1 to 3, that the CPU uses; 0: there is none, or unknown.
 */
int64_t cache_bytes(int cpu, int level);

/* The last-level caches that these CPUs use, all of them together; 0: unknown. */
int64_t cache_last_level(const int *cpus, int count);
