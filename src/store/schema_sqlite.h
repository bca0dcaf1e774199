/*
 * schema_sqlite: the tables of the store, and the steps from each version to the next.
 */
#pragma once

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>

/*
 * Brings the database to this program's version, in one transaction: migrates an older one, makes
 * the tables in an empty one when `writing` is true. Refuses, with ERROR_USAGE, a newer one, the
 * database of another program and, when `writing`, one that cannot be written; else an empty one.
 * A disk that is full or broken, or no memory, is ERROR_STORE. `name` is what sentences call it.
 */
int schema_migrate(sqlite3 *db, const char *name, bool writing, struct error *err) must_use;
