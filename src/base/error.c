/* error: see error.h. Writes into the caller's struct only; any thread. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A text that fills the struct may have been cut within a character: takes the piece off. */
static void end_whole(char text[], size_t size) {
    size_t n = strlen(text), rest = 0; /* bytes of the last character after its first */
    if (n + 1 < size)
        return;
    while (rest < 3 && rest + 1 < n && ((unsigned char)text[n - 1 - rest] & 0xc0) == 0x80)
        rest++;
    unsigned char first = (unsigned char)text[n - 1 - rest];
    size_t promised = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    if (rest < promised)
        text[n - 1 - rest] = '\0';
}

static void fill(struct error *err, enum error_kind kind, int os, const char *format,
                 va_list args) {
    err->kind = kind;
    err->os = os;
    vsnprintf(err->text, sizeof(err->text), format, args);
    end_whole(err->text, sizeof(err->text));
}

/* Appends ": " and the text. */
static void add(struct error *err, const char *text) {
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", text);
    end_whole(err->text, sizeof(err->text));
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
    char buffer[128], reason[160];
    /* the GNU strerror_r() may return a constant string instead of filling the buffer */
    snprintf(reason, sizeof(reason), "%s%s", strerror_r(os, buffer, sizeof(buffer)),
             os == EMFILE ? " (raise ulimit -n)" : "");
    add(err, reason);
    errno = saved;
    return -1;
}

int error_memory(struct error *err) {
    error_set(err, ERROR_INTERNAL, "out of memory");
    err->os = ENOMEM;
    return -1;
}

bool error_os_is_shortage(int os) {
    return os == EMFILE || os == ENFILE || os == ENOMEM || os == ENOBUFS || os == EAGAIN;
}

bool error_is_shortage(const struct error *err) {
    return err->kind == ERROR_INTERNAL && error_os_is_shortage(err->os);
}

int error_prefix(struct error *err, const char *format, ...) {
    int saved = errno;
    char old[sizeof(err->text)];
    memcpy(old, err->text, sizeof(old));
    va_list args;
    va_start(args, format);
    fill(err, err->kind, err->os, format, args);
    va_end(args);
    add(err, old);
    errno = saved;
    return -1;
}
