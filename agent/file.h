/*
 * file: one line of one of the small files in which Linux tells about itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the first line of the file, or what fits of it, without its newline (or up to the NUL that
 * ends a device-tree text). Returns false when there is nothing to read.
 */
bool file_line(const char *path, char *out, size_t size);

/* The beginning of the file, with a NUL after it. Returns false when there is nothing to read. */
bool file_start(const char *path, char *out, size_t size);
