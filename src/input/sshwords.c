/* sshwords: see sshwords.h. Pure; any thread. */
#include "input/sshwords.h"

#include <stdint.h>
#include <string.h>

/* Behind a word that ended at p: blanks, and one '=' unless the word ended at one. */
static char *skip_delimiter(char *p, char delimiter) {
    p += strspn(p, SSH_BLANKS);
    if (delimiter != '=' && *p == '=')
        p += 1 + strspn(p + 1, SSH_BLANKS);
    return p;
}

char *ssh_word_next(char **rest) {
    char *word = *rest;
    char *end = word ? strpbrk(word, SSH_BLANKS "\"=") : NULL;
    if (!end) {
        *rest = NULL;
        return word;
    }
    char delimiter = *end;
    if (delimiter != '"') {
        *end = '\0';
        *rest = skip_delimiter(end + 1, delimiter);
        return word;
    }
    memmove(end, end + 1, strlen(end)); /* the NUL, too */
    end = strchr(end, '"');
    if (!end) {
        *rest = NULL;
        return NULL;
    }
    *end = '\0';
    *rest = end + 1 + strspn(end + 1, SSH_BLANKS);
    return word;
}

/* Room for `most` words of together `bytes` bytes, and where the bytes go. */
static char *make_room(struct ssh_words *w, size_t most, size_t bytes) {
    w->count = 0;
    w->items = malloc(most * sizeof(*w->items) + bytes);
    return w->items ? (char *)(w->items + most) : NULL;
}

/* The character after a backslash at p, where the backslash stands for nothing of itself. */
static char escaped(const char *p, char quote) {
    return p[1] && (strchr("'\"\\", p[1]) || (p[1] == ' ' && !quote)) ? p[1] : '\0';
}

/* Copies one word from p to *to, and returns where it ended; NULL: its quote is left open. */
static const char *copy_word(const char *p, char **to) {
    char quote = '\0';
    for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '\\') {
            char c = escaped(p, quote);
            p += c != '\0';
            *(*to)++ = *p;
        } else if (quote ? *p == quote : *p == '"' || *p == '\'') {
            quote = quote ? '\0' : *p;
        } else {
            *(*to)++ = *p;
        }
    }
    *(*to)++ = '\0';
    return quote ? NULL : p;
}

int ssh_words_split(const char *text, struct ssh_words *ret) {
    size_t n = strlen(text);
    if (n > SIZE_MAX / 16)
        return -2;
    size_t most = n / 2 + 1; /* a word and a blank */
    struct ssh_words w;
    char *to = make_room(&w, most, n + most);
    if (!to)
        return -2;
    for (const char *p = text + strspn(text, " \t"); *p && *p != '#'; p += strspn(p, " \t")) {
        w.items[w.count++] = to;
        p = copy_word(p, &to);
        if (!p) {
            ssh_words_done(&w);
            return -1;
        }
    }
    *ret = w;
    return 0;
}

int ssh_words_cut(const char *text, struct ssh_words *ret, bool *left) {
    size_t n = strlen(text);
    char *rest = n > SIZE_MAX / 16 ? NULL : make_room(ret, n / 2 + 2, n + 1), *word;
    if (!rest)
        return -2;
    memcpy(rest, text, n + 1);
    while ((word = ssh_word_next(&rest)) && *word)
        ret->items[ret->count++] = word;
    *left = rest && *rest;
    return 0;
}

int ssh_words_one(const char *text, struct ssh_words *ret) {
    size_t n = strlen(text) + 1;
    char *to = make_room(ret, 1, n);
    if (!to)
        return -2;
    memcpy(to, text, n);
    ret->items[ret->count++] = to;
    return 0;
}

void ssh_words_done(struct ssh_words *w) {
    free(w->items);
    *w = (struct ssh_words){0};
}
