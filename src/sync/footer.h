/*
 * footer: a few lines that stay below the log's lines on a terminal.
 *
 * The log's lines and the block are written together, in frames: the block that is there is erased,
 * the lines take its place, and the block is drawn anew below them. The cursor rests at the start
 * of the line below the block and is never hidden: so whenever the program ends, at worst the last
 * block stays, and what is written next begins a line. While there is a block, what is typed is not
 * shown (sync/echo.h); nothing else of the terminal is changed.
 *
 * While the program is in the terminal's background there is no block. A block is never wider than
 * the terminal, and at most half as high.
 *
 * Threads: a footer belongs to one thread at a time.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define FOOTER_PERIOD (500 * INT64_C(1000000)) /* ns; between two frames without lines */
#define FOOTER_PACE (200 * INT64_C(1000000))   /* the same, with lines */

/*
 * Draws the block: appends at most `rows` lines, none wider than `columns`, each ended by a
 * newline. Of escape sequences there are only those for colours.
 */
typedef void footer_draw_fn(void *arg, int columns, int rows, struct str *out);

struct footer_drawing {
    footer_draw_fn *draw; /* called by the log's thread; it must not log */
    void *arg;
    bool reflows; /* the terminal wraps lines anew when it gets narrower */
};

struct footer;

/* On a borrowed descriptor. Fails with ERROR_INTERNAL. */
int footer_new(int fd, const struct footer_drawing *drawing, struct footer **ret,
               struct error *err) must_use;

/* NULL is allowed. Writes nothing. */
void footer_free(struct footer *f);

/* Whether the next frame is to have a block; at first it is. */
void footer_show(struct footer *f, bool shown);

/* What is on the terminal is not the block any more: it is left alone. */
void footer_forget(struct footer *f);

/* When the next frame is due. */
int64_t footer_due(const struct footer *f, bool with_lines);

/*
 * Makes *out the bytes that put `lines` and then the block where the block is now: none at all when
 * that would change nothing. For want of memory they are the lines alone, or *out has failed.
 */
void footer_frame(struct footer *f, const struct str *lines, struct str *out);
