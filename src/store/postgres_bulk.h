/*
 * postgres_bulk: rows that are put into a table together. For the engine alone
 * (store/sql_postgres).
 */
#pragma once

#include "base/str.h"
#include "store/postgres_pipe.h"

#include <stdbool.h>

/* Rows of one INSERT, as COPY takes them. */
struct postgres_bulk {
    struct str rows;
    size_t count;
};

/*
 * Adds a row of what postgres_encode() made of its values; `data` is where each is. False when one
 * of them is not binary: COPY takes no others.
 */
bool postgres_bulk_add(struct postgres_bulk *b, const struct postgres_sent *sent,
                       const char *const *data, int n) must_use;

/* Whether there is so much that it should not wait. */
bool postgres_bulk_is_full(const struct postgres_bulk *b);

/*
 * Writes the rows, and forgets them: by COPY where there are enough to pay for the journeys to the
 * server that it takes, else by the INSERT that `plan` is, without waiting.
 */
int postgres_bulk_write(struct postgres_bulk *b, struct postgres_pipe *p,
                        struct postgres_plan *plan) must_use;
