/*
 * server: answers requests until the token fires.
 *
 * Every connection has a thread of its own, so that a client which stalls keeps nobody else
 * waiting; there are at most SERVER_CONNECTIONS, of one address SERVER_CONNECTIONS_EACH where
 * others than this machine can connect, and one on which nothing moves for SERVER_IDLE seconds is
 * closed.
 */
#pragma once

#include "base/error.h"
#include "serve/listen.h"
#include "serve/site.h"

#define SERVER_CONNECTIONS 128
#define SERVER_CONNECTIONS_EACH 32
#define SERVER_IDLE 30 /* seconds */

struct server_daemon;

/*
 * Answers at the socket, which stays its owner's, until server_stop(). Fails with ERROR_INTERNAL.
 */
int server_start(const struct site *site, const struct listening *at, struct server_daemon **ret,
                 struct error *err) must_use;

/* Ends all connections and their threads; the site's token has been fired before. NULL is allowed.
 */
void server_stop(struct server_daemon *d);
