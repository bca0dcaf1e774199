/*
 * resolve: the addresses of a name, with a deadline that holds, and each name looked up once a run.
 *
 * A numeric address needs no look-up at all. A name is looked up by a thread of the resolver's,
 * because nothing can stop getaddrinfo(). All who ask for one name while it is being looked up wait
 * for the one look-up, each until its own deadline. Addresses are kept for the run, a failure for a
 * second: who asks later, a server's next attempt say, asks anew.
 *
 * Addresses come in the order in which RFC 8305 has them tried: that of getaddrinfo() (RFC 6724),
 * but with the families alternating from the first address's on.
 *
 * Threads: any thread.
 */
#pragma once

#include "transport/gate.h"
#include "transport/limit.h"

#include <sys/socket.h>

struct resolver;

/*
 * At most `lookups` names are looked up at once, and the others wait their turn; those that take
 * longer than half a second do not hold them up.
 */
int resolver_new(int lookups, struct resolver **ret, struct error *err) must_use;

/* Look-ups that were left to themselves may still be going on. NULL is allowed. */
void resolver_free(struct resolver *r);

struct address {
    struct sockaddr_storage at; /* the port is 0 */
    socklen_t len;
};

#define CANONICAL_TEXT 256

struct addresses {
    char canonical[CANONICAL_TEXT]; /* the name that its aliases lead to; "": not known */
    size_t count;                   /* at least 1 */
    struct address items[];
};

/*
 * The addresses of `host` (a name, or a numeric address, IPv6 without brackets, a link-local one
 * with its %scope) of a family (AF_UNSPEC: any); the caller frees them. Gives up `place` when it is
 * held for too long. Fails with ERROR_UNREACHABLE (not known, no address of the family, not within
 * the limit), ERROR_TIMEOUT (the server's deadline was the shorter), ERROR_INTERRUPTED or
 * ERROR_INTERNAL.
 */
int resolve(struct resolver *r, const char *host, int family, struct place *place,
            struct cancel *cancel, const struct limit *limit, struct addresses **ret,
            struct error *err) must_use;
