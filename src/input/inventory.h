/*
 * inventory: from what the user gave (arguments, files, standard input) to servers.
 */
#pragma once

#include "base/error.h"
#include "model/server.h"

#include <stddef.h>

struct inventory_source {
    const char *const *patterns; /* from the command line */
    size_t pattern_count;
    const char *const *files; /* -i; "-" is standard input */
    size_t file_count;
    const char *const *excludes; /* -x */
    size_t exclude_count;
};

/* No line of a file is longer, in bytes. */
#define INVENTORY_LINE 65536

/* Nor is a kind. */
#define INVENTORY_KIND 100

/*
 * Reads and expands it all: files in their order, then patterns, less the excluded; each server
 * once. A file has one name or pattern a line, and may say of what kind its servers are: `web[1-4]
 * kind=gpu` (to the end of the line; of a server that is named twice, the last kind counts); a #
 * that begins a line or follows a blank begins a comment. CRLF and a UTF-8 byte order mark are
 * accepted. An excluded name takes away the server of that name and every server on the host of
 * that name: `web3` also excludes `me@web3:2222`.
 *
 * Fails with ERROR_USAGE and a sentence that names the file and line or the pattern and its column:
 * an unreadable file, a folder, NUL bytes, a line over INVENTORY_LINE, a malformed pattern, or no
 * server at all.
 */
int inventory_load(const struct inventory_source *source, struct servers *ret,
                   struct error *err) must_use;
