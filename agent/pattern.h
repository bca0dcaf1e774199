/*
 * pattern: whether memory keeps what is written into it.
 */
#pragma once

#include "answer.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Writes patterns into the memory, makes them leave the caches, and reads them back, on all these
 * CPUs at once. Fails with `wrong-result`, the bits and the pattern in the sentence, or `internal`.
 */
int pattern_check(uint64_t *memory, size_t words, const int *cpus, int count, struct failure *f);
