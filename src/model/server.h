/*
 * server: one machine to benchmark, and how its user names it.
 *
 * The name is what the user wrote, `[user@]host[:port]`, with [brackets] around an IPv6 address
 * that has a port; it is how the server is known everywhere, and can be pasted back as inventory.
 */
#pragma once

#include "base/error.h"

struct server {
    char *name;     /* as the user named it; unique in its fleet */
    char *host;     /* where to connect: a name or an address, without brackets */
    char *user;     /* NULL: not given */
    int port;       /* 0: not given */
    char *identity; /* private key file, or NULL: not given */
};

/*
 * Takes the name apart into *ret (which owns copies of its parts). Fails with ERROR_USAGE, the
 * column of the mistake in the sentence, or ERROR_INTERNAL.
 */
int server_parse(const char *name, struct server *ret, struct error *err) must_use;

void server_done(struct server *s);

/* Servers in their order, each name once. */
struct servers {
    struct server *items;
    size_t count;
    size_t cap;
};

void servers_done(struct servers *list);
