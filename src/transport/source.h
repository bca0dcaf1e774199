/*
 * source: the address of ours that connections are made from: BindAddress and BindInterface.
 *
 * As ssh does: an interface is a way to name one of its addresses, preferably one that others can
 * reach, and does not bind the socket to the device; a BindAddress wins over it; and an address of
 * a family that ours has none of is not connected to.
 *
 * Threads: any thread.
 */
#pragma once

#include "transport/resolve.h"

struct source {
    const char *name; /* the address or interface, borrowed; NULL: whatever the kernel takes */
    struct addresses *found; /* of a BindAddress; NULL: none or an interface */
};

/*
 * Finds what `address` (a name or an address; NULL: not given) or else `interface` (NULL: not
 * given) stands for. Fails as resolve() does.
 */
int source_find(struct resolver *r, const char *address, const char *interface, int family,
                struct place *place, struct cancel *cancel, const struct limit *limit,
                struct source *ret, struct error *err) must_use;
void source_done(struct source *s);

/* Binds a socket of a family. Returns 0 or an errno: EAFNOSUPPORT when there is none of the family.
 */
int source_bind(const struct source *s, int fd, int family) must_use;
