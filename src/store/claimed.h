/*
 * claimed: what a turn claims, on its way to who asked for it. For the store's own files.
 */
#pragma once

#include "store/rows.h"
#include "store/sql.h"
#include "store/store.h"

/* Into an array of the caller's of store_turn(). */
struct claimed {
    struct store_claim *items;
    size_t count;
};

/* Adds the current row of a statement that claims: its columns are CLAIMED_COLUMNS. */
#define CLAIMED_COLUMNS                                                                            \
    "position, (SELECT count(*) FROM past_server AS p WHERE p.run = server.run AND "               \
    "p.position = server.position), " ROW_GIVEN_COLUMNS
#define CLAIMED_COUNT 9
int claimed_add(struct claimed *c, struct sql_stmt *stmt, struct error *err) must_use;

/* Forgets those from the first on, as when the transaction is undone. */
void claimed_cut(struct claimed *c, size_t first);

/* Puts those from the first on into the order of their positions. */
void claimed_sort(struct claimed *c, size_t first);

/* The same into the order of `wanted`, which has all of them. Fails with ERROR_INTERNAL. */
int claimed_arrange(struct claimed *c, size_t first, const size_t *wanted, size_t count,
                    struct error *err) must_use;
