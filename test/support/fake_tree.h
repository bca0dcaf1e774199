/*
 * fake_tree: a folder with files like those of /proc and /sys, that the agent's file_root() is set
 * to. One per process at a time.
 */
#pragma once

#include <stddef.h>

/* For cmocka's setup and teardown. */
int fake_tree_begin(void **state);
int fake_tree_end(void **state);

/* The folder, for what is told its root. */
const char *fake_tree_root(void);

/* Writes a file, and its folders; into the same file when it is there. */
void fake_file(const char *path, const char *text);
void fake_bytes(const char *path, const void *bytes, size_t n);
void fake_filef(const char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* the path is what is formatted */

void fake_folder(const char *path);
void fake_link(const char *path, const char *target);
