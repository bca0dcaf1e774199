/*
 * held: the servers that a worker of a shared store has claimed, and their tokens. For the store's
 * own files. It has room for what is held at a time, however many servers the run has.
 */
#pragma once

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>

/* A server that was claimed, and the token that came with it. */
struct held_claim {
    size_t position;
    int64_t token; /* 0: it is held no more */
};

struct held {
    struct held_claim *items; /* by position */
    size_t count, cap;
};

void held_done(struct held *h);

/* NULL when it is not held. */
struct held_claim *held_find(const struct held *h, size_t position);

/* Room for so many more, so that held_settle() cannot fail. -1: there is no memory. */
int held_reserve(struct held *h, size_t more) must_use;

/* Drops those that have no token any more and adds the n claims, which it sorts: a newer token of
 * one that is held stands. */
void held_settle(struct held *h, struct held_claim *add, size_t n);
