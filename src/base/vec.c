/* vec: see vec.h. */
#include "base/vec.h"

#include <stdint.h>
#include <string.h>

int vec_reserve(void *items, size_t *cap, size_t need, size_t size) {
    if (need <= *cap)
        return 0;
    size_t grown = *cap ? *cap : 8;
    while (grown < need)
        grown = grown > SIZE_MAX / 2 ? need : grown * 2;
    if (grown > SIZE_MAX / size)
        return -1;
    void *old;
    memcpy(&old, items, sizeof(old));
    void *p = realloc(old, grown * size);
    if (!p)
        return -1;
    memcpy(items, &p, sizeof(p));
    *cap = grown;
    return 0;
}
