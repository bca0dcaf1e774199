/*
 * spool: what is written now and read later, of any length, in little memory.
 *
 * A document is written to `out`. What is short stays in memory; the rest goes into a file without
 * a name, on disk. So an answer is written at the speed of the store and read at that of the
 * network: however slow a reader is, it costs no memory and holds no transaction of the store open,
 * and what goes wrong while a document is written is known before its first byte is sent.
 *
 * Threads: one at a time.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdio.h>

/* What is kept in memory at most. */
#define SPOOL_MEMORY (256 * 1024)

struct spool {
    FILE *out;         /* until spool_end() */
    struct str memory; /* all of it, while there is no file */
    int fd;            /* of the file, or -1 */
    int failed;        /* errno of the first write that failed, or 0 */
    size_t size;
};

/* The struct stays where it is until spool_done(), because `out` knows it. ERROR_INTERNAL. */
int spool_begin(struct spool *s, struct error *err) must_use;

/* Nothing more comes. ERROR_STORE when not all of it could be written: a full disk. */
int spool_end(struct spool *s, struct error *err) must_use;

/*
 * Writes all of it to a stream, after spool_end(). ERROR_STORE when it cannot be read; that `to`
 * could not be written is for the caller to see, with ferror().
 */
int spool_copy(const struct spool *s, FILE *to, struct error *err) must_use;

/*
 * Makes all of it a stream that is read from its beginning, after spool_end(); the spool is empty
 * then. ERROR_STORE when that cannot be had.
 */
int spool_read(struct spool *s, FILE **ret, struct error *err) must_use;

/* Of a struct that is all zero, too. */
void spool_done(struct spool *s);
