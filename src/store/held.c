/*
 * held: see held.h.
 *
 * A list by position. A turn hands in and claims many at once, and has them all put right in one
 * pass; between two, each is found by halves.
 */
#include "store/held.h"

#include "base/vec.h"

#include <stdbool.h>
#include <stdlib.h>

void held_done(struct held *h) {
    free(h->items);
    *h = (struct held){0};
}

static int compare(const void *a, const void *b) {
    const struct held_claim *x = a, *y = b;
    return x->position < y->position ? -1 : x->position > y->position;
}

struct held_claim *held_find(const struct held *h, size_t position) {
    const struct held_claim key = {.position = position};
    return h->count > 0 ? bsearch(&key, h->items, h->count, sizeof(key), compare) : NULL;
}

int held_reserve(struct held *h, size_t more) {
    return vec_reserve(&h->items, &h->cap, h->count + more, sizeof(*h->items));
}

/* Keeps those that have a token. Returns how many. */
static size_t keep(struct held_claim *items, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (items[i].token)
            items[kept++] = items[i];
    return kept;
}

void held_settle(struct held *h, struct held_claim *add, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct held_claim *known = held_find(h, add[i].position);
        if (known) {
            known->token = add[i].token;
            add[i].token = 0;
        }
    }
    size_t old = h->count = keep(h->items, h->count), more = keep(add, n);
    if (more > 1)
        qsort(add, more, sizeof(*add), compare);
    for (size_t to = h->count += more; more > 0; to--) { /* from the end, where there is room */
        bool last = old == 0 || compare(&h->items[old - 1], &add[more - 1]) < 0;
        h->items[to - 1] = last ? add[--more] : h->items[--old];
    }
}
