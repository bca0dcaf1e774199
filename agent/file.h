/*
 * file: the small files in which Linux tells about itself.
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For tests: absolute paths begin in this folder from now on. NULL: the machine's own root. */
void file_root(const char *folder);

/* Opens for reading. Returns a descriptor, or -1 with errno. */
int file_open(const char *path);

/* A directory, or NULL with errno. */
DIR *file_folder(const char *path);

/* Where the link at `path` leads, its last component only. False: it is no link. */
bool file_link(const char *path, char *out, size_t size);

/*
 * Reads the first line of the file, or what fits of it, without its newline (or up to the NUL that
 * ends a device-tree text). Returns false when there is nothing to read.
 */
bool file_line(const char *path, char *out, size_t size);

/* The beginning of the file, with a NUL after it. Returns false when there is nothing to read. */
bool file_start(const char *path, char *out, size_t size);

/*
 * The whole number that the file begins with, 0 or more, into *ret. False when there is none, or
 * one beyond 2^62.
 */
bool file_number(const char *path, int64_t *ret);

/* As file_number(), for text that was read. */
bool file_parse_number(const char *text, int64_t *ret);
