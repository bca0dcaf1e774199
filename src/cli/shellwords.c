/* shellwords: see shellwords.h. */
#include "cli/shellwords.h"

#include "base/attr.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where the reading of a line is. */
struct place {
    const char *at, *end;
    char quote; /* that is open, or 0 */
};

/* Passes over one character or quote; adds what it stands for. */
static void step(struct place *p, struct str *out) {
    char c = *p->at++;
    if (c == p->quote) {
        p->quote = 0;
        return;
    }
    if (!p->quote && (c == '\'' || c == '"')) {
        p->quote = c;
        return;
    }
    bool escapes =
        c == '\\' && p->quote != '\'' && p->at < p->end &&
        (!p->quote || strchr("$`\"\\\n", *p->at)); /* within double quotes before these alone */
    str_add_char(out, escapes ? *p->at++ : c);
}

char shellwords_unquote(const char *text, size_t n, struct str *out) {
    struct place p = {text, text + n, 0};
    while (p.at < p.end)
        step(&p, out);
    return p.quote;
}

static int add(struct shellwords *w, struct str *word) {
    if (vec_reserve(&w->items, &w->cap, w->count + 1, sizeof(*w->items)) < 0)
        return -1;
    str_add(word, "");
    if (!(w->items[w->count] = str_take(word)))
        return -1;
    w->count++;
    return 0;
}

int shellwords_split(const char *line, struct shellwords *ret) {
    struct shellwords w = {0};
    struct place p = {line, line + strlen(line), 0};
    int rc = 0;
    while (rc == 0) {
        cleanup(str_done) struct str word = {0};
        while (p.at < p.end && isspace((unsigned char)*p.at))
            p.at++;
        w.last = (size_t)(p.at - line);
        while (p.at < p.end && (p.quote || !isspace((unsigned char)*p.at)))
            step(&p, &word);
        rc = add(&w, &word);
        if (p.at == p.end)
            break;
    }
    if (rc < 0)
        shellwords_done(&w);
    else
        *ret = w;
    return rc;
}

void shellwords_done(struct shellwords *w) {
    for (size_t i = 0; i < w->count; i++)
        free(w->items[i]);
    free(w->items);
    *w = (struct shellwords){0};
}

void shellwords_quote(const char *text, char open, struct str *out) {
    for (; *text; text++)
        if (open == '\'' && *text == '\'')
            str_add(out, "'\\''");
        else {
            bool special = open == '"'
                               ? strchr("$`\"\\", *text) != NULL
                               : !open && !isalnum((unsigned char)*text) &&
                                     (unsigned char)*text < 0x80 && !strchr("%+,-./:=@_", *text);
            if (special)
                str_add_char(out, '\\');
            str_add_char(out, *text);
        }
}
