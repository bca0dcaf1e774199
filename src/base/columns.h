/*
 * columns: how much room text takes on a terminal.
 *
 * Terminals differ in what they make of a character, so both count what it takes at most: emoji and
 * the characters of East Asia two columns, also where some terminal shows them in one, and
 * combining characters one. A line that is counted to fit does fit. Pure.
 */
#pragma once

#include <stddef.h>

/* The columns of the n bytes of printable text (base/text.h). */
size_t columns_of(const char *p, size_t n);

/* How many of the n bytes, in whole characters, fit in so many columns. */
size_t columns_fitting(const char *p, size_t n, size_t columns);
