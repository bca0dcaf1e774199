/*
 * text: foreign bytes made fit for people and for documents.
 *
 * What a server sends may be anything. It becomes text here, once, where it enters: what
 * text_add_printable() writes is valid UTF-8 without control characters, so no later floor has to
 * think of escape sequences, broken lines or JSON that cannot be encoded.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>

/*
 * The length in bytes of the UTF-8 character at `p`, of which `n` bytes are there; 0 when it is no
 * valid one (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
 */
size_t text_utf8_length(const char *p, size_t n);

/* Whether all n bytes are valid UTF-8. */
bool text_is_utf8(const char *p, size_t n);

/*
 * The length in bytes of the character at `p` when it can be shown as it is: valid UTF-8, and none
 * of the control characters that text_add_printable() escapes; else 0.
 */
size_t text_printable_length(const char *p, size_t n);

/* Whether all n bytes can be shown as they are. */
bool text_is_printable(const char *p, size_t n);

/* The length of the n bytes at `p` without the blanks and line ends at their end. */
size_t text_length_trimmed(const char *p, size_t n);

/*
 * Appends at most `max` bytes of output for `n` bytes of foreign text: control characters (C0, DEL,
 * C1, U+2028, U+2029 and the directional overrides that reorder a line) as \n, \t or \xNN of their
 * bytes, invalid bytes as \xNN; "..." ends what was cut.
 */
void text_add_printable(struct str *out, const char *p, size_t n, size_t max);

/*
 * Appends a JSON string, quotes included; invalid bytes become U+FFFD, and the control characters
 * of text_add_printable() are escaped, so that the document can be shown on a terminal.
 */
void text_add_json(struct str *out, const char *p, size_t n);

/*
 * Appends the escape for the character at `p`, of which `n` bytes are there: a quote, a backslash
 * or one that text_printable_length() does not pass. Returns its length.
 */
size_t text_add_json_escape(struct str *out, const char *p, size_t n);

/*
 * Appends a finite number as the shortest decimal that reads back as the same number, where one of
 * 15 digits behind the point does; any other with the 17 digits that always do.
 */
void text_add_number(struct str *out, double x);
