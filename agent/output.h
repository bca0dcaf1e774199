/*
 * output: what a process prints, of which the beginning and the end are kept.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed but for the two limits, which the owner sets. */
struct output {
    size_t head_max, tail_max; /* bytes that are kept of the beginning, and of what follows it */
    struct str head;
    struct str tail; /* once it is full, a ring */
    size_t oldest;   /* in `tail` */
    int64_t total;   /* bytes that were printed */
};

/* Check head.failed and tail.failed at the end. */
void output_add(struct output *o, const char *data, size_t n);

/*
 * Appends no more than `limit` bytes of it: all, or the first WIRE_OUTPUT_HEAD(limit), a newline
 * and the last WIRE_OUTPUT_TAIL(limit). For this head_max is at least the limit, and tail_max that
 * tail.
 */
void output_ends(const struct output *o, size_t limit, struct str *to);

void output_done(struct output *o);
