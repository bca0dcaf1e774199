/*
 * server: one machine to benchmark, and how its user names it.
 *
 * The name is what the user wrote, `[user@]host[:port]`, with [brackets] around an IPv6 address
 * that has a port; it is how the server is known everywhere, and can be pasted back as inventory.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct server {
    char *name;     /* as the user named it; unique in its fleet */
    char *host;     /* where to connect: a name or an address, without brackets */
    char *user;     /* NULL: not given */
    int port;       /* 0: not given */
    char *identity; /* private key file, or NULL: not given */
    char *kind;     /* the hardware group that it is said to be of, or NULL: not given */
    char *labels;   /* what its user says of it (model/labels.h), or NULL: nothing */
    int round;      /* how many attempts at it came to a verdict before this one */
};

/* No kind that is given is longer, in bytes. */
#define SERVER_KIND_MAX 100

/*
 * What keeps the n bytes at `name` from being a server's name, or NULL when nothing does. *column
 * then is where, counted from 1 in bytes. A name is
 *
 *     [user@]host[:port] | [user@][IPv6]:port | [user@]IPv6
 *
 * of letters, digits, `._-+~%` and UTF-8 without control characters and byte order marks; a user
 * may also have `@` and `\`. Neither user nor host begins with `-`, which programs would read as an
 * option, and neither is longer than SERVER_PART_MAX bytes. A port is 1 to 65535.
 */
#define SERVER_PART_MAX 255
const char *server_mistake(const char *name, size_t n, size_t *column);

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

/* Whether at least one of them has a label of this key. */
bool servers_have_label(const struct servers *list, const char *key);
