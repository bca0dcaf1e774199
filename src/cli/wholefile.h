/*
 * wholefile: a file that is there whole, or not at all.
 *
 * It is written under a temporary name beside the one it is to have, and gets that name when all of
 * it is on disk; what had the name before is there until then. A signal that ends the program
 * removes what was begun. What is no file (a terminal, a pipe, /dev/null) is written to directly.
 *
 * One at a time; main thread.
 */
#pragma once

#include "base/error.h"

#include <stdio.h>

struct wholefile {
    FILE *out;
    int fd;
    int failed;      /* errno of the first write that failed, or 0 */
    char *path;      /* as errors call it */
    char *target;    /* where it is to be: `path`, or what a link of this name leads to */
    char *temporary; /* NULL: written to directly */
};

/*
 * Fails with ERROR_USAGE where nothing can be written: a folder, a place without permission. The
 * struct stays where it is until wholefile_done(), because `out` knows it.
 */
int wholefile_begin(const char *path, struct wholefile *f, struct error *err) must_use;

/* Gives it its name. Fails with ERROR_STORE when not all of it could be written: a full disk. */
int wholefile_end(struct wholefile *f, struct error *err) must_use;

/* Removes what has not come to its end. */
void wholefile_done(struct wholefile *f);
