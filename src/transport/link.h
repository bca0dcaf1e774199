/*
 * link: one libssh session, and how to wait for it.
 *
 * libssh never waits here: it is put into non-blocking mode, every call that says "again" is called
 * again after link_wait(), and link_wait() is a poll() of ours over the socket and the cancel
 * token, with a deadline. So no call outlasts its deadline, not even a write that the peer does not
 * take, and the library's own waits, some of which end never once the peer has gone, are not used.
 *
 * The descriptor belongs to libssh, which closes it at once on an error and in link_done()
 * otherwise; nothing else closes or remembers it.
 *
 * Threads: a link belongs to one thread.
 */
#pragma once

#include "base/str.h"
#include "transport/carrier.h"
#include "transport/gate.h"
#include "transport/pace.h"

#include <libssh/libssh.h>

struct link {
    ssh_session ssh;
    struct cancel *cancel;
    struct place place;      /* among the handshakes; NULL gate once logged in */
    struct start start;      /* whose outcome is to be told */
    bool dropped;            /* the connection was closed while it started, and no reason given */
    const char *peer;        /* address, for sentences; borrowed */
    int64_t within;          /* how long the deadline was, 0: it is not ours but the server's */
    struct carrier *carrier; /* NULL: a connection of its own */
    struct alive *alive;     /* NULL: the server may be silent for as long as it likes */
    const char *mismatch;    /* the keyword of what was found to have nothing in common, or NULL */
    char *offer;             /* and what the server has of it */
    int agent;               /* the descriptor that libssh reaches an agent through, -1: none yet */
};

/* Why a wait ended. */
enum link_state { LINK_READY, LINK_TIMEOUT, LINK_CANCELLED, LINK_LOST };

/* The words of link_add_words() for a connection that was simply closed. */
#define LINK_CLOSED "the server closed it"

/*
 * Waits until there is something to read, or to write where something is pending; it may also be
 * ready without, and the caller looks and waits again.
 */
enum link_state link_wait(struct link *l, int64_t deadline);

/*
 * From here on, waiting asks a server that has been silent for `interval` ns for a word, and takes
 * the connection for lost when `most` such requests in a row and one interval more brought none
 * (ServerAliveInterval and ServerAliveCountMax). An interval of 0 is none of it. Logged in only.
 * Fails with ERROR_INTERNAL.
 */
int link_keep_alive(struct link *l, int64_t interval, int most, struct error *err) must_use;

/* Whether the connection has ended. */
bool link_lost(const struct link *l);

/*
 * Fills *err for a state that is not LINK_READY: ERROR_TIMEOUT ("no end of WHAT with PEER within
 * 30s"), ERROR_INTERRUPTED or ERROR_CONNECTION_LOST, with libssh's words. Returns -1.
 */
int link_error(const struct link *l, enum link_state state, const char *what, struct error *err);

/* Whether it was lost because its carrier broke: the server may be tried again at once. */
bool link_broke(const struct link *l);

/* Appends what the carrier or libssh says was wrong, as printable text. */
void link_add_words(const struct link *l, struct str *out);

/* Ends the session without waiting, and then its carrier. */
void link_done(struct link *l);
