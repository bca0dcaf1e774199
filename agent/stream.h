/*
 * stream: the bandwidth of memory by four kernels over three arrays of doubles.
 *
 *   copy  c = a          scale  b = s c        add  c = a + b        triad  a = b + s c
 *
 * The kernels, what counts as bytes (two arrays for copy and scale, three for add and triad) and
 * the rules are those of McCalpin's STREAM: memory is first touched by the thread that uses it, and
 * the first of the repetitions does not count. With s = -1 all values stay small whole numbers,
 * however often it is repeated, so that every element can be checked exactly; a takes turns between
 * its first values and their negatives.
 */
#pragma once

#include "answer.h"

#include <stddef.h>
#include <stdint.h>

enum stream_kernel { STREAM_COPY, STREAM_SCALE, STREAM_ADD, STREAM_TRIAD, STREAM_KERNELS };

/* The arrays, in as many slices as there are CPUs. */
struct stream {
    double *a, *b, *c;
    size_t n;        /* elements of each */
    const int *cpus; /* slice i belongs to cpus[i] */
    int count;
    bool *negative; /* of each slice: a holds the negatives of its first values */
};

/* In GB/s, 10^9 bytes. */
struct stream_rates {
    double best[STREAM_KERNELS];
    double median[STREAM_KERNELS];
};

/* Writes the arrays for the first time, each slice from its CPU. Fails with `internal`. */
int stream_touch(struct stream *s, struct failure *f);

/*
 * Runs all kernels over the slices of `count` CPUs from `first` on, for `duration` ns and at least
 * three times that count, then checks every element of them: fails with `wrong-result`, or
 * `internal`. b and c may be overwritten before the next run.
 */
int stream_run(struct stream *s, int first, int count, int64_t duration, struct stream_rates *ret,
               struct failure *f);
