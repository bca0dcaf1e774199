/*
 * fuzz: what the fuzz targets share.
 *
 * A target holds a reader of foreign bytes against what its header promises; a promise that is
 * broken ends the program, and libFuzzer keeps the input. Everything that was made for an input is
 * gone when its call returns, or the leak checker complains.
 */
#pragma once

#include "base/attr.h"
#include "base/fd.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool holds) {
    if (!holds)
        abort();
}

/* Valid UTF-8 without control characters, as all that came from a server must be. */
static inline void require_printable(const char *text, size_t n) {
    while (n > 0) {
        size_t len = text_printable_length(text, n);
        require(len > 0);
        text += len;
        n -= len;
    }
}

/* The bytes as a private file in memory, for readers that open one. */
struct fuzz_file {
    int fd;
    char path[40]; /* good while the descriptor is open */
};

static inline struct fuzz_file fuzz_file(const void *data, size_t size) {
    struct fuzz_file f = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    require(f.fd >= 0 && fchmod(f.fd, 0600) == 0 && fd_write_all(f.fd, data, size) == 0);
    snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
    return f;
}

static inline void fuzz_file_done(struct fuzz_file *f) {
    fd_close(&f->fd);
}

/* The bytes with a NUL after them, which the caller frees. */
static inline char *fuzz_text(const void *data, size_t size) {
    char *text = malloc(size + 1);
    require(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* What a JSON string makes of a text: the same, with U+FFFD for each byte that is not UTF-8. */
static inline void fuzz_add_replaced(struct str *out, const char *text) {
    for (size_t n = strlen(text); n > 0;) {
        size_t len = text_utf8_length(text, n);
        str_add_bytes(out, len ? text : "\xef\xbf\xbd", len ? len : 3);
        text += len ? len : 1;
        n -= len ? len : 1;
    }
}

static inline bool fuzz_is_replaced(const char *text, const char *original) {
    cleanup(str_done) struct str expected = {0};
    fuzz_add_replaced(&expected, original);
    require(!expected.failed);
    return strcmp(text, expected.data ? expected.data : "") == 0;
}
