/*
 * serverlist: many servers named in little room.
 *
 * Names are folded (`web[01-40,42]`, input/nodeset.h). A few names in which there is no range to
 * fold are spelled out in their order, because that is what people read best.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

/* Appends the list, comma-separated; it can be pasted back as an inventory. */
void serverlist_add(struct str *out, const char *const *names, size_t count);

/*
 * The list as its parts, `web[01-40,42]` and `db1`, for a log field. The parts point into one
 * allocation: free(parts) frees all. NULL when memory ran out.
 */
char **serverlist_parts(const char *const *names, size_t count, size_t *part_count) must_use;
