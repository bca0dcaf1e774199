/*
 * names: an ordered set of server names. `struct names n = {0};` is an empty one.
 *
 * Looking a name up, adding and dropping one take constant time, so that a million names are a
 * matter of a fraction of a second. Plain data of its caller; no locking.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a name stands: an entry of the open-addressed hash table behind the set. */
struct names_slot {
    uint32_t hash;
    uint32_t place; /* its index in items plus 1; 0: the slot is free */
};

struct names {
    char **items; /* each once, in the order in which they came */
    size_t count;
    size_t cap;
    struct names_slot *slots;
    size_t slot_count; /* 0 or a power of two */
};

void names_done(struct names *n);

/* Makes room for `more` names at once. Returns 0, or -1 when memory ran out. */
int names_reserve(struct names *n, size_t more) must_use;

/*
 * Adds the `len` bytes at `name`, which hold no NUL, as the last one; nothing happens when the name
 * is there already. Returns 0, or -1 when memory ran out.
 */
int names_add(struct names *n, const char *name, size_t len) must_use;

bool names_has(const struct names *n, const char *name);

/* Where in items the name is, or NAMES_NONE. */
#define NAMES_NONE SIZE_MAX
size_t names_find(const struct names *n, const char *name, size_t len);

/* Takes the names from the place `count` on away again. */
void names_truncate(struct names *n, size_t count);

/*
 * Takes one name away and says whether it was there. It leaves a hole: a NULL in items, which
 * counts. Once all are dropped that are to go, names_close_holes() moves the others together.
 */
bool names_drop(struct names *n, const char *name);
void names_close_holes(struct names *n);

/* Moves the names of *from that are not in *to behind those of *to, and empties *from. On failure
 * (-1: memory ran out) *to is as it was. */
int names_move(struct names *to, struct names *from) must_use;

/* Removes from *from every name of *what; the order stays. */
void names_subtract(struct names *from, const struct names *what);
