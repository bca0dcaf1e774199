/* claimed: see claimed.h. */
#include "store/claimed.h"

#include "base/attr.h"

#include <stdlib.h>
#include <string.h>

int claimed_add(struct claimed *c, struct sql_stmt *stmt, struct error *err) {
    struct store_claim claim = {.position = (size_t)sql_column_int(stmt, 0),
                                .server.round = (int)sql_column_int(stmt, 1)};
    if (row_read_given(stmt, 2, &claim.server, err) < 0) {
        server_done(&claim.server);
        return -1;
    }
    c->items[c->count++] = claim;
    return 0;
}

void claimed_cut(struct claimed *c, size_t first) {
    while (c->count > first)
        server_done(&c->items[--c->count].server);
}

static int compare(const void *a, const void *b) {
    const struct store_claim *x = a, *y = b;
    return x->position < y->position ? -1 : x->position > y->position;
}

void claimed_sort(struct claimed *c, size_t first) {
    if (c->count > first)
        qsort(c->items + first, c->count - first, sizeof(*c->items), compare);
}

int claimed_arrange(struct claimed *c, size_t first, const size_t *wanted, size_t count,
                    struct error *err) {
    size_t n = c->count - first, k = 0;
    cleanup(free_ptr) struct store_claim *sorted = malloc((n + 1) * sizeof(*sorted));
    if (!sorted)
        return error_memory(err);
    claimed_sort(c, first);
    memcpy(sorted, c->items + first, n * sizeof(*sorted));
    for (size_t i = 0; k < n && i < count; i++) {
        const struct store_claim key = {.position = wanted[i]};
        const struct store_claim *found = bsearch(&key, sorted, n, sizeof(key), compare);
        if (found)
            c->items[first + k++] = *found;
    }
    return 0;
}
