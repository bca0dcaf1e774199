/* order: see order.h. */
#include "policy/order.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const struct history_expected *x = a, *y = b;
    double s = isnan(x->seconds) ? INFINITY : x->seconds;
    double t = isnan(y->seconds) ? INFINITY : y->seconds;
    if (s != t)
        return s > t ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

void order_longest_first(struct history_expected *items, size_t n) {
    if (n > 0)
        qsort(items, n, sizeof(*items), compare);
}
