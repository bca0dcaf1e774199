/*
 * terminal: what may be written to a descriptor beyond plain text.
 *
 * NO_COLOR, where it is set to anything, is the user's word against colours; TERM tells of
 * terminals that can do nothing but write a line after the other.
 */
#pragma once

#include <stdbool.h>

/* Whether it is a terminal on which what was written can be written over. */
bool terminal_moves(int fd);

/* Whether it is one that is to have colours. */
bool terminal_colours(int fd);

/* Whether it wraps long lines anew when it gets narrower. */
bool terminal_reflows(void);
