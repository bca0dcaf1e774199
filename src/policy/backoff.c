/* backoff: see backoff.h. */
#include "policy/backoff.h"

#include "base/hash.h"

#include <string.h>

int64_t backoff_pause(const char *run, const char *server, int attempt, int64_t longest) {
    int64_t limit = BACKOFF_FIRST;
    for (int i = 1; i < attempt && limit < longest; i++)
        limit *= 2;
    if (limit > longest)
        limit = longest;
    uint64_t h = hash_text(hash_text(0, run, strlen(run)), server, strlen(server));
    double chance = hash_fraction(hash_mix(h + (uint64_t)attempt));
    return (int64_t)((0.5 + chance / 2) * (double)limit);
}
