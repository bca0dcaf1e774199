/*
 * chase: how long a load takes whose address is the result of the load before it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHASE_LINE 64 /* bytes between two pointers: a cache line on all but a few machines */

/*
 * Writes a ring of pointers into the memory, one a line, in an order that no prefetcher follows,
 * and runs along it for about `duration` ns. `bytes` is a power of two of at least 4 KiB. Returns
 * the median time of a load in ns. The calling thread should be bound to a CPU.
 */
double chase_ns(void *memory, size_t bytes, int64_t duration);
