/*
 * relay: many flows over one connection to a jump host.
 *
 * One thread owns the connection and everything in it; others only ask for channels.
 */
#pragma once

#include "base/str.h"
#include "transport/link.h"

struct relay;

/* All but `owner` is copied; the token is borrowed. */
struct relay_settings {
    struct cancel *stop;    /* ends relay_run() */
    int64_t alive_interval; /* ns of silence after which the jump host is asked for a word */
    int alive_count_max;    /* and how often, in vain, before it is given up */
    void (*released)(void *owner, bool); /* see relay_open() */
    void *owner;
};

int relay_new(const struct relay_settings *settings, struct relay **ret,
              struct error *err) must_use;
/* relay_end() was called, or relay_run() never. NULL is allowed. */
void relay_free(struct relay *r);

/*
 * Carries flows over a link that is logged in until it is lost or the token fires, and appends why
 * it was lost to *why. Call it in the thread that owns the link, and relay_end() after it, before
 * the link's end: that closes all flows, and nobody can open one any more.
 */
void relay_run(struct relay *r, struct link *link, struct str *why);
void relay_end(struct relay *r);

/* Whether what it has to send has waited for a second. Any thread. */
bool relay_is_slow(struct relay *r);

enum relay_answer {
    RELAY_OPEN,
    RELAY_REFUSED, /* the jump host may not or could not connect; its words tell */
    RELAY_FULL,    /* the jump host has no room for another channel in this connection */
    RELAY_LOST,    /* the connection to the jump host is lost */
    RELAY_TIMEOUT,
    RELAY_CANCELLED,
    RELAY_FAILED, /* of memory or descriptors */
};

struct relay_request {
    const char *host; /* as the jump host will look it up */
    int port;
    struct place *place; /* given up when it is held for too long */
    struct cancel *cancel;
    int64_t deadline;
};

/*
 * Opens a channel and waits until it is there: *fd is then a socket that its bytes go to and come
 * from, which does not block and is closed on exec. When the jump host has refused, what it said
 * is appended to *words. Any thread.
 *
 * `released` is called once for each call, whatever its answer, when the channel no longer burdens
 * the connection: in the calling thread or in the relay's, with whether the jump host had no room.
 */
enum relay_answer relay_open(struct relay *r, const struct relay_request *request, int *fd,
                             struct str *words);
