/* offers: see offers.h. */
#include "cli/offers.h"

#include "base/attr.h"
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 300 /* bytes of what is said of a candidate */

void offers_keep(struct offers *o, const char *marks) {
    const char *value = o->typed + o->head;
    int depth = 0;
    o->kept = 0;
    for (const char *p = value; *p; p++) {
        depth += (*p == '[') - (*p == ']');
        if (depth <= 0 && strchr(marks, *p))
            o->kept = (size_t)(p - value) + 1;
    }
}

/* A line of the answer cannot hold these. */
static bool fits_line(const char *text) {
    return *text && !text[strcspn(text, "\n\t\r")];
}

void offers_add(struct offers *o, const char *candidate, const char *text) {
    const char *part = o->typed + o->head + o->kept;
    size_t n = strlen(candidate);
    if (strncmp(candidate, part, strlen(part)) != 0 || !fits_line(candidate))
        return;
    o->ended |= !strchr("=:", candidate[n - 1]);
    cleanup(str_done) struct str word = {0};
    str_add_bytes(&word, o->typed, o->head + o->kept);
    str_add(&word, candidate);
    o->lines.failed |= word.failed;
    if (word.failed)
        return;
    if (o->shell == OFFERS_BASH)
        shellwords_quote(word.data + (o->cut < word.len ? o->cut : word.len), o->quote, &o->lines);
    else
        str_add(&o->lines, word.data + (o->shell == OFFERS_ZSH ? o->head : 0));
    if (o->shell != OFFERS_BASH && text && *text) {
        str_add_char(&o->lines, '\t');
        text_add_printable(&o->lines, text, strlen(text), TEXT_MAX);
    }
    str_add_char(&o->lines, '\n');
}

void offers_add_words(struct offers *o, const char *words) {
    for (size_t n; *words; words += n, words += *words == ' ') {
        n = strcspn(words, " ");
        cleanup(str_done) struct str word = {0};
        str_add_bytes(&word, words, n);
        if (!word.failed)
            offers_add(o, word.data, NULL);
    }
}

void offers_print(const struct offers *o) {
    const char *kind = o->unknown                      ? "unknown"
                       : o->files                      ? "files"
                       : o->lines.len > 0 && !o->ended ? "parts"
                                                       : "words";
    printf("%s %zu\n", kind, o->head);
    if (o->lines.len && !o->lines.failed)
        fwrite(o->lines.data, 1, o->lines.len, stdout);
}
