/*
 * memfree: how much memory may be taken without taking it from others.
 */
#pragma once

#include <stdint.h>

/* Bytes that are available in the machine and in the control groups of this process. */
int64_t memfree_bytes(void);
