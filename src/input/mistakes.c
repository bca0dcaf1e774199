/*
 * mistakes: see mistakes.h.
 *
 * A reader finds mistakes in the order that suits it (a key given twice at the end of its mapping,
 * say), so they are kept, and sorted when they are printed. Plain data of its caller; no threads.
 */
#include "input/mistakes.h"

#include "base/text.h"
#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mistakes_add(struct mistakes *m, int line, int column, const char *format, ...) {
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    char *copy = strdup(text);
    if (!copy || vec_reserve(&m->items, &m->cap, m->count + 1, sizeof(*m->items)) < 0) {
        free(copy);
        m->failed = true;
        return;
    }
    struct mistake *one = &m->items[m->count++];
    one->line = line;
    one->column = column;
    one->text = copy;
}

static int by_place(const void *a, const void *b) {
    const struct mistake *x = a;
    const struct mistake *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return strcmp(x->text, y->text);
}

size_t mistakes_print(struct mistakes *m, const char *file, size_t max, struct str *out) {
    if (m->count > 1)
        qsort(m->items, m->count, sizeof(*m->items), by_place);
    size_t printed = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct mistake *one = &m->items[i];
        /* what stands behind an alias is read once for each alias */
        if (i > 0 && by_place(one, one - 1) == 0)
            continue;
        if (printed++ < max) {
            text_add_printable(out, file, strlen(file), 1000);
            str_addf(out, ":%d:%d: %s\n", one->line, one->column, one->text);
        }
    }
    if (printed > max) {
        text_add_printable(out, file, strlen(file), 1000);
        str_addf(out, ": and %zu more mistakes\n", printed - max);
    }
    return printed;
}

void mistakes_done(struct mistakes *m) {
    for (size_t i = 0; i < m->count; i++)
        free(m->items[i].text);
    free(m->items);
    *m = (struct mistakes){0};
}
