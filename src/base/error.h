/*
 * error: what went wrong, for the program (kind) and for people (one sentence).
 *
 * A fallible function returns 0, or a negative value after it has filled the struct error that its
 * caller passed last. Exit statuses and verdicts are decided on the kind alone, never on the text.
 * A sentence names the thing it is about and starts in lower case, without a full stop, so that
 * each floor can put its own context before it with error_prefix(), once.
 *
 * A struct error is plain data of a fixed size: no allocation, nothing to free. The functions that
 * fill one return -1, so that `return error_set(err, ...)` reads well. They preserve errno.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>

enum error_kind {
    ERROR_NONE = 0,

    /* of the whole command */
    ERROR_USAGE, /* command line, inventory or configuration: nothing was run */
    ERROR_STORE, /* the store, or another thing muster cannot go on without */

    /* of one server; each is the reason of the same name (model/verdict.h) */
    ERROR_WRONG_RESULT,
    ERROR_UNREACHABLE,
    ERROR_HOST_KEY,
    ERROR_AUTH,
    ERROR_TIMEOUT,
    ERROR_CONNECTION_LOST,
    ERROR_BENCHMARK_CRASHED,
    ERROR_BAD_OUTPUT,
    ERROR_TOOL_MISSING,
    ERROR_UNSUPPORTED,
    ERROR_BUSY,
    ERROR_INTERNAL, /* memory, threads, descriptors, and what must not happen */
    ERROR_INTERRUPTED,
};

struct error {
    enum error_kind kind;
    int os; /* errno, or 0 */
    char text[500];
};

/* Fills *err. Text that does not fit is cut, between two characters of UTF-8. Returns -1. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...) printf_like(3, 4);

/*
 * As error_set(), and ends the sentence in ": " and the text of errno `os`; where too many files
 * are open, with what allows more. Returns -1.
 */
int error_os(struct error *err, enum error_kind kind, int os, const char *format, ...)
    printf_like(4, 5);

/* Fills *err for a failed allocation (kind ERROR_INTERNAL, os ENOMEM). Returns -1. */
int error_memory(struct error *err);

/* Whether errno `os` says that this machine has run out of descriptors, memory or threads. */
bool error_os_is_shortage(int os);

/* Whether *err says so. */
bool error_is_shortage(const struct error *err);

/* Puts context and ": " before the sentence that *err has. Returns -1. */
int error_prefix(struct error *err, const char *format, ...) printf_like(2, 3);
