/*
 * schema_postgres: the tables of a store on PostgreSQL, in the schema `muster`, and the steps from
 * each version to the next.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "store/sql.h"

#include <stdbool.h>

/* How long a step may take, which has all rows to go through perhaps. */
#define SCHEMA_LIMIT (3600 * CLOCK_S)

/*
 * Brings the database to this program's version, in one transaction, which other processes wait
 * for: migrates an older one when `writing`, makes the tables with `create`. Refuses, with
 * ERROR_USAGE, a newer one, the schema of another program, one that the role may not read or
 * change, and else an older or an empty one.
 */
int schema_postgres(struct sql *db, bool writing, bool create, struct error *err) must_use;
