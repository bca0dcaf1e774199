/* inventoryline: see inventoryline.h. */
#include "input/inventoryline.h"

#include "base/text.h"
#include "model/labels.h"
#include "model/server.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* The line without comment and the blanks around it. */
static char *trim(char *line, size_t len) {
    if (len > 0 && line[len - 1] == '\r')
        line[--len] = '\0';
    for (char *p = strchr(line, '#'); p; p = strchr(p + 1, '#'))
        if (p == line || is_blank(p[-1])) {
            len = (size_t)(p - line);
            break;
        }
    while (len > 0 && is_blank(line[len - 1]))
        len--;
    line[len] = '\0';
    while (is_blank(*line))
        line++;
    return line;
}

/* The next word from `p` on that follows a blank and has a `=`, or the end of the line. */
static char *next_assignment(char *p) {
    for (p += strcspn(p, BLANKS); *p; p += strcspn(p, BLANKS)) {
        p += strspn(p, BLANKS);
        if (memchr(p, '=', strcspn(p, BLANKS)))
            return p;
    }
    return p;
}

/* Ends the text at `from` before the blanks in front of `to`. */
static void cut(const char *from, char *to) {
    while (to > from && is_blank(to[-1]))
        to--;
    *to = '\0';
}

static int mistake_at(const char *line, const char *at, const char *what, struct error *err) {
    return error_set(err, ERROR_USAGE, "column %zu: %s", (size_t)(at - line) + 1, what);
}

static const char *kind_mistake(const char *kind) {
    size_t n = strlen(kind);
    if (n == 0 || is_blank(*kind))
        return "kind= needs a kind right behind it";
    if (n > SERVER_KIND_MAX)
        return "the kind is longer than 100 bytes";
    return text_is_printable(kind, n) ? NULL : "the kind is not printable text";
}

static int read_label(const char *line, const char *word, char **labels, struct error *err) {
    struct label label, before;
    size_t at;
    const char *mistake = label_parse(word, strcspn(word, BLANKS), &label, &at);
    if (mistake && word[strcspn(word, "\"'")])
        mistake =
            "no label has quotes; an INI file of Ansible's is known by [ungrouped] before all";
    if (mistake)
        return mistake_at(line, word + at, mistake, err);
    const char *rest = word + strcspn(word, BLANKS);
    if (*rest)
        return mistake_at(line, rest + strspn(rest, BLANKS), "key=value was expected", err);
    cleanup(free_ptr) char *key = strndup(label.key, label.key_len);
    if (!key)
        return error_memory(err);
    if (labels_find(*labels, key, &before))
        return mistake_at(line, word, "this label is given twice", err);
    int rc = labels_set(labels, &label);
    return rc < 0 ? error_memory(err)
           : rc   ? mistake_at(line, word, "a server has at most 32 labels", err)
                  : 0;
}

/* What stands from `word` to the next assignment. */
static int read_assignment(const char *line, const char *word, struct inventory_line *l,
                           struct error *err) {
    if (strncmp(word, "kind=", strlen("kind=")) != 0)
        return read_label(line, word, &l->labels, err);
    const char *mistake =
        l->kind ? "the kind is given twice" : kind_mistake(l->kind = word + strlen("kind="));
    return mistake ? mistake_at(line, word, mistake, err) : 0;
}

int inventoryline_read(char *line, size_t len, struct inventory_line *ret, struct error *err) {
    struct inventory_line l = {.pattern = trim(line, len)};
    char *word = next_assignment((char *)l.pattern);
    char last = *word;
    cut(l.pattern, word);
    int rc = 0;
    while (rc == 0 && last) {
        char *next = next_assignment(word);
        last = *next;
        cut(word, next);
        rc = read_assignment(line, word, &l, err);
        word = next;
    }
    if (rc < 0)
        inventoryline_done(&l);
    else
        *ret = l;
    return rc;
}

void inventoryline_done(struct inventory_line *l) {
    free(l->labels);
    *l = (struct inventory_line){0};
}
