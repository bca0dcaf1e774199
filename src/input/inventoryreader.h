/*
 * inventoryreader: a file of servers, as bytes and as lines.
 *
 * It is read through a buffer of a fixed size, so that neither a line without an end nor a device
 * costs memory. Its first bytes can be looked at before it is decided how it is read.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/stat.h>

/* No line of a file is longer, in bytes. */
#define INVENTORY_LINE 65536

struct reader {
    int fd;
    struct str name; /* for people */
    struct stat st;
    long line;    /* the number of the last one given out */
    char *buffer; /* of a fixed size */
    size_t start, end;
    bool at_end;
};

/*
 * Opens a file, or a folder, of which only `st` can be used; "-" is standard input. Fails with
 * ERROR_USAGE and ERROR_INTERNAL; inventoryreader_done() is due in any case.
 */
int inventoryreader_open(struct reader *r, const char *path, struct error *err) must_use;
void inventoryreader_done(struct reader *r);

/* The first bytes, at most some hundred KiB, with a NUL behind them; they stay to be read. */
int inventoryreader_peek(struct reader *r, const char **ret, size_t *n, struct error *err) must_use;

/* The next line without its end, and a NUL behind it; *ret is NULL when there is none. */
int inventoryreader_line(struct reader *r, char **ret, size_t *len, struct error *err) must_use;

/* Appends all that is left; more than `max` bytes are ERROR_USAGE. */
int inventoryreader_rest(struct reader *r, size_t max, struct str *out, struct error *err) must_use;
