/*
 * postgres_dial: libpq's calls that block until a connection is made, which whoever is to end gives
 * up. For the engine alone (store/sql_postgres).
 */
#pragma once

#include "sync/ending.h"

#include <libpq-fe.h>
#include <stdbool.h>

/*
 * As PQconnectdbParams() does, the first `dbname` expanded; *ret is what that returns. False when
 * it was given up.
 */
bool postgres_dial(const char *const *keywords, const char *const *values, const struct ending *e,
                   PGconn **ret) must_use;

/* As PQreset(). False when it was given up: then `conn` is not the caller's any more. */
bool postgres_dial_again(PGconn *conn, const struct ending *e) must_use;

/* Whether the server that the connection is to takes another one. */
bool postgres_answers(PGconn *conn, const struct ending *e);
