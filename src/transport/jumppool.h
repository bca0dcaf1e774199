/*
 * jumppool: the connections to jump hosts, and room for channels in them.
 *
 * Each connection carries a number of channels and belongs to a thread of its own, which makes it,
 * too. The next one is made when those that are there have no room, are slow (what they have to
 * send has waited for a second), or were refused room by the jump host.
 *
 * Threads: any thread.
 */
#pragma once

#include "transport/relay.h"
#include "transport/sshlink.h"

struct jumppool;
struct jumpline; /* a connection with room for one channel */

/* What the kit points to is borrowed; `channels` is how many a connection carries. */
int jumppool_new(const struct sshkit *kit, int channels, struct jumppool **ret,
                 struct error *err) must_use;

/* Ends all connections and waits for their threads. No line may be left. NULL is allowed. */
void jumppool_free(struct jumppool *p);

/*
 * Waits for room in a connection to the jump host of `options`, which lives as long as the pool;
 * sentences call it `name`. Fails, also with *unsupported, as the making of the connection did
 * (sshlink_open()), with ERROR_UNREACHABLE for a connection lost at once, with ERROR_TIMEOUT at the
 * deadline and with ERROR_INTERRUPTED when `cancel` fires. Where making one has failed, none is
 * tried for some seconds: those who ask meanwhile fail the same way, or share what is there.
 */
int jumppool_reserve(struct jumppool *p, const struct ssh_options *options, const char *name,
                     struct cancel *cancel, int64_t deadline, struct jumpline **ret,
                     const char **unsupported, struct error *err) must_use;

/* Of the channels through the jump host. */
struct pace *jumpline_pace(struct jumpline *l);

/* Where to open the channel that there is room for: one call of relay_open() uses it up. */
struct relay *jumpline_relay(struct jumpline *l);

/* Whether the connection is lost; if so, why is appended to *out (NULL: not wanted). */
bool jumpline_lost(struct jumpline *l, struct str *out);

/* Lets go of the connection, after relay_open() was called. */
void jumpline_free(struct jumpline *l);

/* Gives the room back, where relay_open() is not called, and lets go. */
void jumpline_abandon(struct jumpline *l);
