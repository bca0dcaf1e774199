/*
 * postgres_connect: a connection to a database of PostgreSQL, and sentences about what fails there.
 * For the engine alone (store/sql_postgres).
 */
#pragma once

#include "base/error.h"
#include "sync/ending.h"

#include <libpq-fe.h>
#include <stdbool.h>

/*
 * Connects, within the time-out of each host that is tried. `name` is what sentences call the
 * store, `read`: nothing is to be written, `again`: there was a connection once, so that a name
 * that is not known, a password or a certificate that is not taken may be mended like a server that
 * is away. NULL with the error: ERROR_USAGE where the URL, the password, the database or the right
 * is wrong; else ERROR_STORE.
 */
PGconn *postgres_connect(const char *url, const char *name, bool read, bool again,
                         const struct ending *e, struct error *err) must_use;

/*
 * Fills *err with a server's message, with what there is to do about it. err->os is ECONNRESET
 * where it is to be tried again, if need be with another connection. Returns -1.
 */
int postgres_refused(const char *name, const char *sqlstate, const char *message,
                     struct error *err);

/* The same of a connection that was lost: what libpq says, or why muster gave it up. */
int postgres_lost(const char *name, const char *message, struct error *err);

/* Whether a server that says so is of no more use: another one, or a later moment, may be. */
bool postgres_is_over(const char *sqlstate);
