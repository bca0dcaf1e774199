/*
 * flow: one channel through a jump host, and the socket that its bytes go to and come from.
 *
 * Nothing is kept without a bound: the socket is not read while the far side takes nothing, and the
 * channel's window closes while nobody reads the socket. The end of either direction is passed on,
 * and the other one goes on.
 *
 * Threads: a flow belongs to the thread of its session (transport/relay.h).
 */
#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define FLOW_CHUNK 32768

struct flow;
TAILQ_HEAD(flow_list, flow);

/* Bytes that were taken from one side and that the other has not taken yet. */
struct flow_rest {
    char *data;
    size_t at, len;
};

struct flow {
    TAILQ_ENTRY(flow) link;
    struct flow_list *in;    /* the list that it stands in, or NULL */
    struct flow_list *ready; /* where it goes when the channel has something to tell */
    struct relay_call *call; /* of whoever waits for the channel to open; guarded by the relay */
    char *host;
    int port;
    int fd;          /* does not block */
    unsigned number; /* the library's, of the channel */
    bool alone;      /* no other was waiting for an answer when it was asked for */
    bool again;      /* it was asked for before, and the answer lost */
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    struct flow_rest up;   /* from the socket, for the channel */
    struct flow_rest down; /* from the channel, for the socket */
    bool open;             /* whoever asked has been told */
    bool readable;         /* the socket, until it says otherwise */
    bool writable;
    bool gone;       /* nobody is at the socket's other end any more */
    bool kept;       /* the library holds bytes that did not fit into the socket */
    bool up_ended;   /* the end of the socket's bytes was passed on */
    bool down_ended; /* the far side has ended its bytes */
    bool down_shut;  /* and that was passed on */
    bool closed;     /* the far side has closed the channel */
};

/* Moves it to the end of a list, or to none (NULL). */
void flow_move(struct flow *f, struct flow_list *to);

/* Asks for the channel. Returns as libssh does: SSH_OK, SSH_AGAIN (until it is open) or SSH_ERROR.
 */
int flow_ask(struct flow *f, ssh_session ssh);

/* Forgets a channel that was refused, so that it can be asked for again. */
void flow_forget(struct flow *f);

/* What a flow wants next. */
enum flow_step {
    FLOW_IDLE,    /* to be left alone until its socket or its channel has something to tell */
    FLOW_MORE,    /* another turn */
    FLOW_STARVED, /* the session's far side to take something */
    FLOW_ENDED    /* to be closed */
};

/*
 * Passes on what is there, a bounded amount in each direction, through `scratch` of FLOW_CHUNK
 * bytes. `up` is whether bytes may be given to the session now; what it was given is added to
 * *given.
 */
enum flow_step flow_serve(struct flow *f, bool up, char *scratch, size_t *given);

/* Closes the channel and the socket, and frees it all. */
void flow_free(struct flow *f);
