/*
 * sshwords: how a line of ssh_config(5) falls into words.
 *
 * OpenSSH has two ways. The keyword, and in versions before 9.9 all of a Match line, is cut off by
 * ssh_word_next(): at blanks, at one '=', or at the end of a part in double quotes. Everything else
 * is cut by ssh_words_split(), which knows both quotes and backslashes.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#define SSH_BLANKS " \t\r\n"

struct ssh_words {
    char **items; /* one allocation together with their text */
    size_t count;
};

/*
 * Cuts the next word off *rest, in place, and moves *rest behind it, to NULL after the last one.
 * An empty word stands for blanks at the start. NULL: there is none, or a quote is left open.
 */
char *ssh_word_next(char **rest);

/*
 * Splits `text` up to a word that begins with '#'. Returns 0, -1 when a quote is left open, or -2
 * when memory ran out.
 */
int ssh_words_split(const char *text, struct ssh_words *ret) must_use;

/*
 * Cuts all words off the text by ssh_word_next(), up to an empty one. *left: the text goes on
 * there. Returns 0, or -2 when memory ran out.
 */
int ssh_words_cut(const char *text, struct ssh_words *ret, bool *left) must_use;

/* A single word: the text as it stands. Returns 0, or -2 when memory ran out. */
int ssh_words_one(const char *text, struct ssh_words *ret) must_use;

void ssh_words_done(struct ssh_words *w);
