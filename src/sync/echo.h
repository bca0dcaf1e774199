/*
 * echo: what is typed on a terminal is not shown while a block stands at its bottom.
 *
 * The terminal itself shows what is typed, wherever the cursor is: an Enter would push the block
 * up, and the next frame would leave a piece of it behind. So the echo is off while there is a
 * block. What is typed stays in the terminal's queue for whoever reads it next, most often the
 * shell, and keys that send signals work as ever.
 *
 * However the program ends, the echo comes back: a process of its own, the guard, waits for the end
 * of muster, by SIGKILL too, and sets the terminal as it was. It leaves a terminal alone that
 * somebody else has set since. Where there can be no guard, the echo stays on.
 *
 * Threads: an echo belongs to one thread at a time.
 */
#pragma once

#include <stdbool.h>

struct echo;

/* On a borrowed descriptor of a terminal; starts the guard. NULL where it cannot be had. */
struct echo *echo_new(int fd);

/* Turns the echo off or, if it was this that turned it off, on. NULL is allowed. */
void echo_hide(struct echo *e, bool hidden);

/* Turns the echo on again and ends the guard. NULL is allowed. */
void echo_free(struct echo *e);
