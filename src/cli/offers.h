/*
 * offers: the candidates of one completion, in the form that a shell reads.
 *
 * A word is completed in one part: what stands before it (`--config=`, `web1,`) is kept. Only what
 * begins as it is typed is taken.
 */
#pragma once

#include "base/str.h"
#include "cli/shellwords.h"

#include <stdbool.h>

struct offers {
    enum { OFFERS_BASH, OFFERS_ZSH, OFFERS_FISH } shell;
    const char *typed; /* the word, without its quotes */
    size_t head;       /* bytes of it before what is completed */
    size_t kept;       /* bytes behind these that every candidate begins with */
    size_t cut;        /* of bash: bytes of the word that readline keeps by itself */
    char quote;        /* of bash: the one that is open, or 0 */
    bool files, unknown;
    bool ended; /* some candidate is a whole word */
    struct str lines;
};

/* From here on what is typed behind the last of these marks is completed, but within brackets. */
void offers_keep(struct offers *o, const char *marks);

/* The text may be NULL: nothing to say of it. */
void offers_add(struct offers *o, const char *candidate, const char *text);

/* Each of the words of a list, with blanks between them. */
void offers_add_words(struct offers *o, const char *words);

/* Writes them to standard output. */
void offers_print(const struct offers *o);
