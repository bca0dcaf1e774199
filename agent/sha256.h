/*
 * sha256: the SHA-256 of a file, as FIPS 180-4 defines it.
 */
#pragma once

/* Writes the hash of what can be read from `fd` as 64 hex digits and a NUL. Returns 0 or -1. */
int sha256_fd(int fd, char out[65]);

/* The same of the running program's file. */
int sha256_own(char out[65]);
