/*
 * fleet_connection: one connection to a simulated server, from the accepted socket to its end.
 *
 * It never waits. Its thread calls connection_step() when its socket can be read or written, when
 * it is due, and once when the fleet has gathered, and closes it when that returns false.
 */
#pragma once

#include "fleet.h"

#include <libssh/server.h>

struct connection;

/*
 * Takes the socket `fd` of a connection to server `number` (from 1), whatever becomes of it.
 * Returns NULL when it is not to go on.
 */
struct connection *connection_open(struct fleet *fleet, ssh_bind bind, size_t number, int fd);

int connection_fd(const struct connection *c);

/* `ready`: there is something to read or write. */
bool connection_step(struct connection *c, bool ready);

/* When it is to be stepped next if nothing comes over the wire. */
int64_t connection_due(const struct connection *c);

/* Whether it waits to write as well. */
bool connection_wants_write(const struct connection *c);

void connection_close(struct connection *c);

/* A connection is cut: the peer gets a reset. */
void connection_reset(int fd);
