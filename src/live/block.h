/*
 * block: the lines of the live display, from what there is to see and the room there is. Pure.
 *
 *     [PPPPPPPPPPPPPPPPPPPPPPPPPPPPPFFERRRRwwwwwwwwwwwwwwwwwwww]
 *     P 312 passed  F 9 failed  E 2 errors  R 32 running  w 145 waiting  of 500
 *     4.1 servers/s, 1m16s so far, about 42s left
 *     3 workers, none for fra (145 servers)
 *       web0311  memory, trial 2   12s of 1m00s  1m40s in all
 *       web0312  connecting        4s            4s in all
 *     failed: web0287  below-threshold: cpu scored 34, below 50
 *
 * The line of the workers is there where several controllers may share the run. Names and sentences
 * are shown as base/text.h shows foreign text; what does not fit ends in "...".
 */
#pragma once

#include "base/str.h"
#include "live/board.h"

#include <stdbool.h>

struct block_room {
    int columns, rows; /* at most; at least 1 */
    bool colour;
};

/*
 * Appends the block's lines, each ended by a newline. `left` is estimate_left(); `ending`: nothing
 * more is begun. Nothing for a run without servers.
 */
void block_add(struct str *out, const struct board_view *v, double left, bool ending,
               struct block_room room);

/* Appends seconds as 45s, 1m16s or 2h05m. */
void block_add_time(struct str *out, double seconds);
