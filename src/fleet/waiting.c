/* waiting: see waiting.h. */
#include "fleet/waiting.h"

#include "base/clock.h"
#include "base/vec.h"

#include <stdlib.h>

void waiting_done(struct waiting *w) {
    for (size_t i = 0; i < w->count; i++)
        attempt_free(w->items[i]);
    free(w->items);
    *w = (struct waiting){0};
}

int waiting_add(struct waiting *w, struct attempt *a) {
    if (vec_reserve(&w->items, &w->cap, w->count + 1, sizeof(*w->items)) < 0)
        return -1;
    size_t at = w->count++;
    for (; at > 0 && w->items[(at - 1) / 2]->due > a->due; at = (at - 1) / 2)
        w->items[at] = w->items[(at - 1) / 2];
    w->items[at] = a;
    return 0;
}

int64_t waiting_next(const struct waiting *w) {
    return w->count > 0 ? w->items[0]->due : DEADLINE_NEVER;
}

/* The child of `at` that is due first, or `count` when there is none. */
static size_t first_child(const struct waiting *w, size_t at) {
    size_t child = 2 * at + 1;
    if (child >= w->count)
        return w->count;
    return child + 1 < w->count && w->items[child + 1]->due < w->items[child]->due ? child + 1
                                                                                   : child;
}

struct attempt *waiting_take(struct waiting *w, int64_t now) {
    if (w->count == 0 || w->items[0]->due > now)
        return NULL;
    struct attempt *first = w->items[0], *last = w->items[--w->count];
    size_t at = 0, child;
    while ((child = first_child(w, at)) < w->count && w->items[child]->due < last->due) {
        w->items[at] = w->items[child];
        at = child;
    }
    w->items[at] = last;
    return first;
}
