/*
 * names: see names.h.
 *
 * The table is open-addressed with linear probing and at most half full. A slot keeps 32 bits of
 * its name's hash, so that a probe reads a name only when it almost surely is the one looked for,
 * and so that growing reads no name at all.
 *
 * Nothing is ever taken out of the table by itself: dropping a name leaves its slot, which then
 * points at a hole and matches nothing, and whatever changes places builds the table anew.
 */
#include "input/names.h"

#include "base/vec.h"

#include <string.h>

void names_done(struct names *n) {
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i]);
    free(n->items);
    free(n->slots);
    *n = (struct names){0};
}

/* Eight bytes at a time; multiplying spreads them upward, the shift brings that down again. */
static uint32_t hash_of(const char *name, size_t len) {
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = len * odd;
    while (len > 0) {
        uint64_t word = 0;
        size_t take = len < sizeof(word) ? len : sizeof(word);
        memcpy(&word, name, take);
        h = (h ^ word) * odd;
        h ^= h >> 32;
        name += take;
        len -= take;
    }
    return (uint32_t)(h ^ h >> 29);
}

static void put(struct names *n, uint32_t hash, size_t place) {
    size_t mask = n->slot_count - 1;
    size_t i = hash & mask;
    while (n->slots[i].place)
        i = (i + 1) & mask;
    n->slots[i] = (struct names_slot){.hash = hash, .place = (uint32_t)(place + 1)};
}

static const struct names_slot *find(const struct names *n, const char *name, size_t len,
                                     uint32_t hash) {
    if (n->slot_count == 0)
        return NULL;
    size_t mask = n->slot_count - 1;
    for (size_t i = hash & mask; n->slots[i].place; i = (i + 1) & mask) {
        const char *item = n->slots[i].hash == hash ? n->items[n->slots[i].place - 1] : NULL;
        if (item && strncmp(item, name, len) == 0 && item[len] == '\0')
            return &n->slots[i];
    }
    return NULL;
}

static int grow_table(struct names *n, size_t slot_count) {
    struct names_slot *slots = calloc(slot_count, sizeof(*slots));
    if (!slots)
        return -1;
    struct names old = *n;
    n->slots = slots;
    n->slot_count = slot_count;
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].place)
            put(n, old.slots[i].hash, old.slots[i].place - 1);
    free(old.slots);
    return 0;
}

int names_reserve(struct names *n, size_t more) {
    size_t need = n->count + more;
    if (need < more || need >= UINT32_MAX)
        return -1;
    if (vec_reserve(&n->items, &n->cap, need, sizeof(*n->items)) < 0)
        return -1;
    size_t slot_count = n->slot_count ? n->slot_count : 16;
    while (slot_count < 2 * need)
        slot_count *= 2;
    return slot_count == n->slot_count ? 0 : grow_table(n, slot_count);
}

int names_add(struct names *n, const char *name, size_t len) {
    uint32_t hash = hash_of(name, len);
    if (find(n, name, len, hash))
        return 0;
    if (names_reserve(n, 1) < 0)
        return -1;
    char *copy = malloc(len + 1);
    if (!copy)
        return -1;
    memcpy(copy, name, len);
    copy[len] = '\0';
    put(n, hash, n->count);
    n->items[n->count++] = copy;
    return 0;
}

bool names_has(const struct names *n, const char *name) {
    return n->count > 0 && names_find(n, name, strlen(name)) != NAMES_NONE;
}

size_t names_find(const struct names *n, const char *name, size_t len) {
    const struct names_slot *slot = find(n, name, len, hash_of(name, len));
    return slot ? slot->place - 1 : NAMES_NONE;
}

/* Finds every name its slot again; the table is large enough. */
static void rebuild_table(struct names *n) {
    if (n->slot_count)
        memset(n->slots, 0, n->slot_count * sizeof(*n->slots));
    for (size_t i = 0; i < n->count; i++)
        if (n->items[i])
            put(n, hash_of(n->items[i], strlen(n->items[i])), i);
}

void names_truncate(struct names *n, size_t count) {
    if (n->count <= count)
        return;
    while (n->count > count)
        free(n->items[--n->count]);
    rebuild_table(n);
}

bool names_drop(struct names *n, const char *name) {
    size_t place = names_find(n, name, strlen(name));
    if (place == NAMES_NONE)
        return false;
    free(TAKE(n->items[place]));
    return true;
}

void names_close_holes(struct names *n) {
    size_t kept = 0;
    for (size_t i = 0; i < n->count; i++)
        if (n->items[i])
            n->items[kept++] = n->items[i];
    if (kept == n->count)
        return;
    n->count = kept;
    rebuild_table(n);
}

int names_move(struct names *to, struct names *from) {
    if (to->count == 0) {
        struct names empty = *to;
        *to = *from;
        *from = empty;
        return 0;
    }
    if (names_reserve(to, from->count) < 0)
        return -1;
    for (size_t i = 0; i < from->count; i++) {
        char *name = from->items[i];
        size_t len = name ? strlen(name) : 0;
        uint32_t hash = name ? hash_of(name, len) : 0;
        if (!name || find(to, name, len, hash))
            continue;
        put(to, hash, to->count);
        to->items[to->count++] = TAKE(from->items[i]);
    }
    names_done(from);
    return 0;
}

void names_subtract(struct names *from, const struct names *what) {
    for (size_t i = 0; i < what->count; i++)
        if (what->items[i])
            names_drop(from, what->items[i]);
    names_close_holes(from);
}
