/*
 * vec: room for one more element in an array that its owner keeps as pointer, length and capacity.
 */
#pragma once

#include "base/attr.h"

/*
 * Makes *items (an array of *cap elements of `size` bytes) hold at least `need` elements, doubling
 * as it grows. `items` is the address of the array pointer. Returns 0, or -1 when memory ran out;
 * then nothing has changed.
 */
int vec_reserve(void *items, size_t *cap, size_t need, size_t size) must_use;
