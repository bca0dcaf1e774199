/*
 * carrier: what carries a link's bytes when that is not a TCP connection of its own: a channel of a
 * jump host's connection, or a command of the user's.
 *
 * The descriptor that libssh has is one end of a socket pair; the carrier is behind the other. It
 * is closed after the link's session, so a carrier finds its end closed by then.
 *
 * Threads: a carrier belongs to its link's thread.
 */
#pragma once

#include "base/str.h"

struct carrier;

struct carrier_ops {
    /* Appends why the bytes have ended, if it knows better than whoever read them. */
    void (*add_reason)(struct carrier *c, struct str *out);
    /* Whether it broke by itself, which says nothing about the server. */
    bool (*broke)(struct carrier *c);
    void (*close)(struct carrier *c);
};

/* An implementation's struct begins with this one. */
struct carrier {
    const struct carrier_ops *ops;
};
