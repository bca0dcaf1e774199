/*
 * flow: see flow.h.
 *
 * Bytes from the channel are taken by a callback the moment they arrive, straight into the socket.
 * What does not fit stays with the library, whose window closes then. From there it is taken all at
 * once, and not again before all of that is in the socket: the library opens the window wide at
 * every read, however much it still holds, so that reading a little at a time would let the far
 * side send without end. So a flow whose socket nobody reads holds two windows of 1.25 MB at most.
 *
 * Bytes for the channel are read only as far as its window is open, and what the library will not
 * take while it exchanges keys anew is kept, at most a chunk.
 */
#include "transport/flow.h"

#include "base/attr.h"
#include "base/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void flow_move(struct flow *f, struct flow_list *to) {
    if (f->in)
        TAILQ_REMOVE(f->in, f, link);
    f->in = to;
    if (to)
        TAILQ_INSERT_TAIL(to, f, link);
}

static void rest_done(struct flow_rest *r) {
    free(r->data);
    *r = (struct flow_rest){0};
}

/* ---- the socket ---------------------------------------------------------------------------- */

/* Writes what the socket takes now. Returns how much; the flow is gone when nobody can read it. */
static size_t send_down(struct flow *f, const char *data, size_t n) {
    size_t done = 0;
    while (f->writable && !f->gone && done < n) {
        ssize_t rc = send(f->fd, data + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (rc >= 0)
            done += (size_t)rc;
        else if (errno == EAGAIN)
            f->writable = false;
        else if (errno != EINTR)
            f->gone = true;
    }
    return done;
}

/* Reads up to n bytes: how many, 0 when there are none now or ever. */
static size_t receive_up(struct flow *f, char *to, size_t n, bool *end) {
    ssize_t rc;
    do
        rc = recv(f->fd, to, n, MSG_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc > 0)
        return (size_t)rc;
    f->readable = false;
    *end = rc == 0 || errno != EAGAIN;
    return 0;
}

/* ---- what the channel tells ---------------------------------------------------------------- */

static void tell(struct flow *f) {
    if (f->open) /* else it is looked at when it is found open */
        flow_move(f, f->ready);
}

static int on_data(ssh_session session __attribute__((unused)),
                   ssh_channel channel __attribute__((unused)), void *data, uint32_t len,
                   int is_stderr, void *userdata) {
    struct flow *f = userdata;
    if (is_stderr)
        return (int)len; /* such a channel has none */
    size_t done = f->down.len ? 0 : send_down(f, data, len);
    if (f->gone) {
        tell(f);
        return (int)len;
    }
    f->kept = done < len;
    return (int)done;
}

static void on_eof(ssh_session session __attribute__((unused)),
                   ssh_channel channel __attribute__((unused)), void *userdata) {
    struct flow *f = userdata;
    f->down_ended = true;
    tell(f);
}

static void on_close(ssh_session session __attribute__((unused)),
                     ssh_channel channel __attribute__((unused)), void *userdata) {
    struct flow *f = userdata;
    f->down_ended = f->closed = true;
    tell(f);
}

int flow_ask(struct flow *f, ssh_session ssh) {
    if (!f->channel) {
        f->channel = ssh_channel_new(ssh);
        if (!f->channel)
            return SSH_ERROR;
        f->callbacks = (struct ssh_channel_callbacks_struct){
            .size = sizeof(f->callbacks),
            .userdata = f,
            .channel_data_function = on_data,
            .channel_eof_function = on_eof,
            .channel_close_function = on_close,
        };
        ssh_set_channel_callbacks(f->channel, &f->callbacks);
    }
    /* where the connection comes from is for the jump host's log; ssh says the same */
    return ssh_channel_open_forward(f->channel, f->host, f->port, "127.0.0.1", 65535);
}

/* ---- down: from the channel to the socket -------------------------------------------------- */

/* Takes all that the library has kept. Whether there was memory for it. */
static bool take_kept(struct flow *f) {
    int n = ssh_channel_poll(f->channel, 0);
    f->kept = false;
    if (n <= 0)
        return true;
    char *data = malloc((size_t)n);
    if (!data)
        return false;
    n = ssh_channel_read_timeout(f->channel, data, (uint32_t)n, 0, 0);
    f->down = (struct flow_rest){.data = data, .len = n > 0 ? (size_t)n : 0};
    if (n <= 0)
        rest_done(&f->down);
    return true;
}

/* Whether all that has arrived is in the socket. */
static bool push_down(struct flow *f) {
    if (!f->down.len && f->kept && f->writable && !take_kept(f))
        f->gone = true;
    if (f->down.len) {
        f->down.at += send_down(f, f->down.data + f->down.at, f->down.len - f->down.at);
        if (f->down.at == f->down.len)
            rest_done(&f->down);
    }
    return !f->down.len && !f->kept;
}

/* ---- up: from the socket to the channel ---------------------------------------------------- */

/* Gives bytes to the channel; what it does not take now is kept. */
static bool give_up(struct flow *f, const char *data, size_t n, size_t *given) {
    int done = ssh_channel_write(f->channel, data, (uint32_t)n);
    if (done < 0)
        return false;
    *given += (size_t)done;
    if ((size_t)done == n)
        return true;
    char *rest = malloc(n - (size_t)done);
    if (!rest)
        return false;
    memcpy(rest, data + done, n - (size_t)done);
    f->up = (struct flow_rest){.data = rest, .len = n - (size_t)done};
    return true;
}

static enum flow_step push_rest(struct flow *f, size_t *given) {
    int done =
        ssh_channel_write(f->channel, f->up.data + f->up.at, (uint32_t)(f->up.len - f->up.at));
    if (done < 0)
        return FLOW_ENDED;
    *given += (size_t)done;
    f->up.at += (size_t)done;
    if (f->up.at < f->up.len)
        return FLOW_STARVED;
    rest_done(&f->up);
    return FLOW_MORE;
}

static enum flow_step push_up(struct flow *f, bool allowed, char *scratch, size_t *given) {
    bool end = false;
    if (f->up_ended || f->closed || (!f->readable && !f->up.len))
        return FLOW_IDLE;
    if (!allowed)
        return FLOW_STARVED;
    if (f->up.len)
        return push_rest(f, given);
    uint32_t window = ssh_channel_window_size(f->channel);
    if (window == 0)
        return FLOW_STARVED;
    size_t n = receive_up(f, scratch, window < FLOW_CHUNK ? window : FLOW_CHUNK, &end);
    if (n > 0 && !give_up(f, scratch, n, given))
        return FLOW_ENDED;
    if (f->up.len)
        return FLOW_STARVED;
    if (end) {
        f->up_ended = true;
        ssh_channel_send_eof(f->channel);
    }
    return n > 0 ? FLOW_MORE : FLOW_IDLE;
}

/* ---- the whole ----------------------------------------------------------------------------- */

enum flow_step flow_serve(struct flow *f, bool up, char *scratch, size_t *given) {
    bool drained = push_down(f);
    if (drained && f->down_ended && !f->down_shut) {
        f->down_shut = true;
        shutdown(f->fd, SHUT_WR);
    }
    if (drained && f->closed)
        return FLOW_ENDED;
    enum flow_step step = push_up(f, up, scratch, given);
    /* what the far side has not taken by the time that nobody waits for its answer is not waited
     * for */
    if (f->gone && step != FLOW_MORE)
        return FLOW_ENDED;
    if (f->up_ended && f->down_shut)
        return FLOW_ENDED;
    return f->writable && !drained ? FLOW_MORE : step;
}

void flow_forget(struct flow *f) {
    if (!f->channel)
        return;
    /* the library may keep the channel until the far side has closed it, too */
    ssh_remove_channel_callbacks(f->channel, &f->callbacks);
    ssh_channel_free(f->channel);
    f->channel = NULL;
}

/* What is left unread would be a reset for whoever reads at the other end, and no end. */
static void drain(struct flow *f) {
    char scrap[4096];
    for (int i = 0; i < 64 && f->fd >= 0; i++)
        if (recv(f->fd, scrap, sizeof(scrap), MSG_DONTWAIT) <= 0)
            return;
}

void flow_free(struct flow *f) {
    flow_move(f, NULL);
    flow_forget(f);
    drain(f);
    fd_close(&f->fd);
    rest_done(&f->up);
    rest_done(&f->down);
    free(f->host);
    free(f);
}
