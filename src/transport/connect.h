/*
 * connect: a TCP connection to a server, with a deadline that holds.
 *
 * The library's own connecting looks names up without a time-out and gives up after the first
 * address. Here a numeric address needs no resolver at all; a name is looked up by a thread of its
 * own, which is left to itself when the deadline passes; and every address is tried in turn, each
 * with an equal share of the time that is left.
 *
 * Threads: any thread.
 */
#pragma once

#include "transport/gate.h"

#include <stdbool.h>

#define ADDRESS_TEXT 80 /* "2001:db8::7 port 22" */

struct resolver;

/* At most `lookups` names are looked up at once. */
int resolver_new(int lookups, struct resolver **ret, struct error *err) must_use;

/* Look-ups that were left to themselves may still be going on. NULL is allowed. */
void resolver_free(struct resolver *r);

struct destination {
    const char *host; /* name or numeric address, IPv6 without brackets */
    int port;
    int family;               /* AF_UNSPEC, AF_INET or AF_INET6 */
    const char *bind_address; /* numeric, NULL: any */
    bool keepalive;
};

/*
 * Connects within `timeout` ns and before the deadline, giving up `place` when it is held for too
 * long. *fd does not block, is closed on exec and has TCP_NODELAY; `address` is where it is
 * connected to. Fails with ERROR_UNREACHABLE (refused, no answer, unknown name), ERROR_TIMEOUT (the
 * deadline was the shorter), ERROR_INTERRUPTED or ERROR_INTERNAL.
 */
int connect_tcp(struct resolver *r, const struct destination *to, struct place *place,
                struct cancel *cancel, int64_t timeout, int64_t deadline, int *fd,
                char address[ADDRESS_TEXT], struct error *err) must_use;
