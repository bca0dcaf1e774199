/* inventoryreader: see inventoryreader.h. Of its caller, in one thread. */
#include "input/inventoryreader.h"

#include "base/fd.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE (8 * INVENTORY_LINE)

void inventoryreader_done(struct reader *r) {
    if (r->fd != STDIN_FILENO)
        fd_close(&r->fd);
    str_done(&r->name);
    free(r->buffer);
}

int inventoryreader_open(struct reader *r, const char *path, struct error *err) {
    bool is_stdin = strcmp(path, "-") == 0;
    *r = (struct reader){.fd = STDIN_FILENO};
    if (is_stdin)
        str_add(&r->name, "standard input");
    else
        text_add_printable(&r->name, path, strlen(path), 200);
    r->buffer = malloc(BUFFER_SIZE);
    if (!r->buffer || r->name.failed)
        return error_memory(err);
    const char *name = r->name.data ? r->name.data : "''";
    if (!is_stdin)
        r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &r->st) < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read the inventory %s", name);
    return 0;
}

/* Moves what is left to the buffer's begin and reads behind it. */
static int fill(struct reader *r, struct error *err) {
    memmove(r->buffer, r->buffer + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    ssize_t n;
    do
        n = read(r->fd, r->buffer + r->end, BUFFER_SIZE - 1 - r->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read the inventory %s", r->name.data);
    r->end += (size_t)n;
    r->at_end = n == 0;
    return 0;
}

int inventoryreader_peek(struct reader *r, const char **ret, size_t *n, struct error *err) {
    while (!r->at_end && r->end < BUFFER_SIZE - 1)
        if (fill(r, err) < 0)
            return -1;
    r->buffer[r->end] = '\0';
    *ret = r->buffer + r->start;
    *n = r->end - r->start;
    return 0;
}

int inventoryreader_line(struct reader *r, char **ret, size_t *len, struct error *err) {
    const char *newline = NULL;
    size_t seen = 0;
    for (;;) {
        size_t there = r->end - r->start;
        newline = memchr(r->buffer + r->start + seen, '\n', there - seen);
        *len = newline ? (size_t)(newline - r->buffer) - r->start : there;
        if (*len > INVENTORY_LINE)
            return error_set(err, ERROR_USAGE,
                             "%s:%ld: the line is longer than %d bytes; one server or pattern a "
                             "line was expected",
                             r->name.data, r->line + 1, INVENTORY_LINE);
        if (newline || r->at_end)
            break;
        seen = there;
        if (fill(r, err) < 0)
            return -1;
    }
    r->line++;
    *ret = newline || *len ? r->buffer + r->start : NULL;
    r->buffer[r->start + *len] = '\0';
    r->start += *len + (newline != NULL);
    return 0;
}

int inventoryreader_rest(struct reader *r, size_t max, struct str *out, struct error *err) {
    for (;;) {
        str_add_bytes(out, r->buffer + r->start, r->end - r->start);
        r->start = r->end = 0;
        if (out->failed)
            return error_memory(err);
        if (out->len > max)
            return error_set(err, ERROR_USAGE, "the inventory %s is larger than %zu MiB",
                             r->name.data, max >> 20);
        if (r->at_end)
            return 0;
        if (fill(r, err) < 0)
            return -1;
    }
}
