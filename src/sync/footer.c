/*
 * footer: see footer.h.
 *
 * To erase the block, the cursor goes up by as many rows as it takes now and the rest of the screen
 * is cleared. When the terminal has become narrower since, most terminals have wrapped what was too
 * long: the rows are counted for the width that there is now.
 */
#include "sync/footer.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/columns.h"
#include "sync/echo.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct footer {
    int fd;
    struct footer_drawing drawing;
    struct echo *echo; /* NULL: it stays on */
    bool shown;
    int64_t written;  /* when the last frame was */
    struct str block; /* as it is on the terminal; empty: there is none */
    struct str next;
};

int footer_new(int fd, const struct footer_drawing *drawing, struct footer **ret,
               struct error *err) {
    struct footer *f = calloc(1, sizeof(*f));
    if (!f)
        return error_memory(err);
    *f = (struct footer){.fd = fd, .drawing = *drawing, .shown = true, .echo = echo_new(fd)};
    *ret = f;
    return 0;
}

void footer_free(struct footer *f) {
    if (!f)
        return;
    echo_free(f->echo);
    str_done(&f->block);
    str_done(&f->next);
    free(f);
}

void footer_show(struct footer *f, bool shown) {
    f->shown = shown;
}

void footer_forget(struct footer *f) {
    str_clear(&f->block);
}

int64_t footer_due(const struct footer *f, bool with_lines) {
    if (!with_lines && !f->shown)
        return DEADLINE_NEVER;
    return f->written + (with_lines ? FOOTER_PACE : FOOTER_PERIOD);
}

static struct winsize size_of(int fd) {
    struct winsize size = {0};
    if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_col = 80, .ws_row = 24};
    return size;
}

/* What is written on another session's terminal is nobody's background. */
static bool in_background(int fd) {
    pid_t foreground = tcgetpgrp(fd);
    return foreground > 0 && foreground != getpgrp();
}

/* The columns of a line, without the escape sequences of its colours. */
static size_t visible(const char *line, size_t n) {
    size_t columns = 0;
    while (n > 0) {
        const char *escape = memchr(line, '\x1b', n);
        size_t text = escape ? (size_t)(escape - line) : n;
        columns += columns_of(line, text);
        if (!escape)
            break;
        const char *end = memchr(escape, 'm', n - text);
        text = end ? (size_t)(end + 1 - line) : n;
        line += text;
        n -= text;
    }
    return columns;
}

/* How many rows the block takes on a terminal so wide. */
static size_t rows_of(const struct footer *f, size_t width) {
    size_t rows = 0;
    const char *line = f->block.data, *end = line ? line + f->block.len : NULL, *nl;
    for (; line < end && (nl = memchr(line, '\n', (size_t)(end - line))); line = nl + 1) {
        size_t columns = visible(line, (size_t)(nl - line));
        rows += f->drawing.reflows && columns > width ? (columns + width - 1) / width : 1;
    }
    return rows;
}

static void draw(struct footer *f, struct winsize size) {
    str_clear(&f->next);
    f->next.failed = false;
    if (!f->shown || in_background(f->fd))
        return;
    /* the last column is left free: terminals differ in what they do when it is written to */
    f->drawing.draw(f->drawing.arg, size.ws_col > 1 ? size.ws_col - 1 : 1,
                    size.ws_row > 3 ? size.ws_row / 2 : 1, &f->next);
    if (f->next.failed)
        str_done(&f->next);
}

static bool is_as_drawn(const struct footer *f) {
    return f->next.len == f->block.len &&
           (f->next.len == 0 || memcmp(f->next.data, f->block.data, f->next.len) == 0);
}

void footer_frame(struct footer *f, const struct str *lines, struct str *out) {
    struct winsize size = size_of(f->fd);
    f->written = clock_now();
    str_clear(out);
    draw(f, size);
    echo_hide(f->echo, f->next.len > 0);
    if (lines->len == 0 && is_as_drawn(f))
        return;
    size_t rows = rows_of(f, size.ws_col);
    if (rows > 0)
        str_addf(out, "\r\x1b[%zuA\x1b[J", rows);
    str_add_bytes(out, lines->len ? lines->data : "", lines->len);
    str_add_bytes(out, f->next.len ? f->next.data : "", f->next.len);
    struct str drawn = f->next;
    f->next = f->block;
    f->block = drawn;
    if (out->failed)
        footer_forget(f); /* the lines will be written below what is there */
}
