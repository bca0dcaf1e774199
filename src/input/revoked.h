/*
 * revoked: the keys in the file that RevokedHostKeys names.
 *
 * A file of public keys is read as ssh reads it, one key a line with blanks before it and comments
 * behind, `#` lines passed over. What else ssh takes, a key revocation list or a certificate, is
 * recognised and left to the ssh program, as is a file with a line that is none of these: ssh then
 * refuses every key from that line on.
 *
 * Threads: read-only once loaded.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct revoked;

/* A file that cannot be read is no error here. Fails with ERROR_INTERNAL. */
int revoked_load(const char *file, struct revoked **ret, struct error *err) must_use;
void revoked_free(struct revoked *r);

/* Why the file cannot be read, with its path: no host key is good then. NULL: it was read. */
const char *revoked_unreadable(const struct revoked *r);

/* Why only the ssh program can judge by it, or NULL. */
const char *revoked_needs_program(const struct revoked *r);

/* The line that has the key, which is base64; 0: none. */
int revoked_line(const struct revoked *r, const char *key);
