/*
 * ansiblerange: the host patterns of Ansible's inventories.
 *
 *     web[01:40]      both ends included; a first number with zeros before it says the width
 *     web[1:9:2]      a step; web[:3] begins with 0
 *     db-[a:f]        letters, a to z, then A to Z
 *     r[1:2]-n[1:4]   several: the last one runs fastest
 *     web1:2222       a port, also behind ranges; [2001:db8::7]:22, 2001:db8::7
 *
 * Pure; any thread.
 */
#pragma once

#include "base/error.h"
#include "input/names.h"

/* At most this many names are made of one pattern. */
#ifndef ANSIBLERANGE_MAX
#define ANSIBLERANGE_MAX 1000000
#endif

/* Whether what stands at an opening bracket is one of Ansible's ranges. */
bool ansiblerange_at(const char *open);

/*
 * Appends the names, and sets *port to the port or 0. Returns NULL, what is wrong (with *column
 * from 1 in bytes), or ansiblerange_no_memory.
 */
extern const char ansiblerange_no_memory[];
const char *ansiblerange_expand(const char *pattern, struct names *ret, int *port, size_t *column);
