/*
 * capture: runs a program to its end and keeps what it prints.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "sync/cancel.h"

#include <stdint.h>

/* Of each of standard output and standard error, this much is kept; the rest is read and dropped.
 */
#define CAPTURE_MAX (256 << 10)

/*
 * Runs `path`, found along $PATH when it is a mere name, with nothing on its standard input, no
 * signal blocked or ignored, no descriptor of ours, and in a process group of its own, which is
 * killed when the deadline passes before the program and whoever shares its output have ended
 * (ERROR_TIMEOUT), or when the token fires first (ERROR_INTERRUPTED). *status is as of waitpid().
 * Fails with ERROR_TOOL_MISSING when it cannot be executed, otherwise with ERROR_INTERNAL.
 */
int capture_run(const char *path, char *const argv[], const struct cancel *cancel, int64_t deadline,
                struct str *out, struct str *errors, int *status, struct error *err) must_use;

/* The same, keeping at most `max` bytes of each. */
int capture_run_max(const char *path, char *const argv[], const struct cancel *cancel,
                    int64_t deadline, size_t max, struct str *out, struct str *errors, int *status,
                    struct error *err) must_use;
