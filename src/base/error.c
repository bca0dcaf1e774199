/* error: see error.h. Writes into the caller's struct only; any thread. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct error *err, enum error_kind kind, int os, const char *format,
                 va_list args) {
    err->kind = kind;
    err->os = os;
    vsnprintf(err->text, sizeof(err->text), format, args);
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...) {
    int saved = errno;
    va_list args;
    va_start(args, format);
    fill(err, kind, 0, format, args);
    va_end(args);
    errno = saved;
    return -1;
}

int error_os(struct error *err, enum error_kind kind, int os, const char *format, ...) {
    int saved = errno;
    va_list args;
    va_start(args, format);
    fill(err, kind, os, format, args);
    va_end(args);
    size_t len = strlen(err->text);
    char reason[128];
    /* the GNU strerror_r() may return a constant string instead of filling the buffer */
    snprintf(err->text + len, sizeof(err->text) - len, ": %s",
             strerror_r(os, reason, sizeof(reason)));
    errno = saved;
    return -1;
}

int error_memory(struct error *err) {
    return error_set(err, ERROR_INTERNAL, "out of memory");
}

int error_prefix(struct error *err, const char *format, ...) {
    int saved = errno;
    char old[sizeof(err->text)];
    memcpy(old, err->text, sizeof(old));
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
    errno = saved;
    return -1;
}
