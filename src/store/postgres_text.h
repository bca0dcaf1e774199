/*
 * postgres_text: the store's SQL in PostgreSQL's words, and its URLs in words for people. For the
 * engine alone (store/sql_postgres).
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>

/*
 * Appends the statement with $1 for `?` and `?1`, and without INDEXED BY. Returns how many
 * parameters it has.
 */
int postgres_translate(const char *sql, struct str *ret);

/* Whether a statement that was translated may return rows. */
bool postgres_gives_rows(const char *sql);

/*
 * The URL without what is secret in it; the caller frees it. One that libpq reads without passwords
 * is otherwise the same; of one that it cannot read, parameters are left out, too. NULL: no memory.
 */
char *postgres_name(const char *url);
