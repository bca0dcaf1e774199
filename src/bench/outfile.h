/*
 * outfile: what a trial printed, where that is more than is kept in memory, in a file of its own:
 * FOLDER/SERVER/BENCHMARK-TRIAL.out
 *
 * The beginning comes in pieces, of which OUTFILE_MAX bytes are kept, and the end with the answer;
 * what is missing between them is said in a line of the file. Bytes of names that are no letter,
 * digit, `.`, `_` or `-` are written as %XX. Nothing is made before the first piece.
 *
 * A file is a convenience: that it cannot be written is logged, and costs nothing else. None is
 * begun where less than OUTFILE_FREE bytes are left, which the store needs more.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define OUTFILE_MAX (INT64_C(8) << 20)
#define OUTFILE_FREE (INT64_C(256) << 20)

struct outfile {
    const char *folder; /* NULL: nothing is kept */
    const char *server;
    const char *benchmark;
    int trial;
    /* its own, zeroed: */
    char *path; /* NULL: not begun */
    int fd;     /* -1: given up */
    int64_t size;
};

/* The next piece. */
void outfile_add(struct outfile *f, const char *data, size_t n);

/*
 * The end of an output of `total` bytes, of which `end` holds the last n. Closes the file, frees
 * the path and says in the log where it is. Also without a file.
 */
void outfile_end(struct outfile *f, const char *end, size_t n, int64_t total);

/* Closes it as it is, where there will be no end. */
void outfile_done(struct outfile *f);
