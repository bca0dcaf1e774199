/* link: see link.h. */
#include "transport/link.h"

#include "base/text.h"
#include "base/units.h"
#include "transport/limit.h"

#include <libssh/server.h>
#include <poll.h>
#include <string.h>

struct alive {
    int64_t interval; /* ns of silence before the server is asked for a word */
    int most;         /* words that may stay unanswered */
    int unanswered;
    int64_t next; /* when it is asked, or given up */
    bool given_up;
    struct ssh_counter_struct read; /* by libssh, whichever of its calls it was */
    uint64_t known;                 /* of these bytes, when it was last heard of */
};

/* After a packet that cannot be right libssh takes no more, but leaves the connection open. */
static bool broken(const struct link *l) {
    return ssh_get_status(l->ssh) & SSH_CLOSED_ERROR;
}

bool link_lost(const struct link *l) {
    return (l->alive && l->alive->given_up) || !ssh_is_connected(l->ssh) ||
           ssh_get_fd(l->ssh) < 0 || broken(l);
}

/* ---- waiting ------------------------------------------------------------------------------- */

int link_keep_alive(struct link *l, int64_t interval, int most, struct error *err) {
    if (interval <= 0)
        return 0;
    l->alive = calloc(1, sizeof(*l->alive));
    if (!l->alive)
        return error_memory(err);
    l->alive->interval = interval;
    l->alive->most = most;
    l->alive->next = deadline_in(interval);
    ssh_set_counters(l->ssh, NULL, &l->alive->read);
    return 0;
}

/* Takes note when something has come: it is there, or libssh has read it. */
static void listen_for_life(struct alive *a, bool readable) {
    if (!readable && a->read.in_bytes == a->known)
        return;
    a->known = a->read.in_bytes;
    a->unanswered = 0;
    a->next = deadline_in(a->interval);
}

/*
 * Asks the server for a word, or gives it up. libssh's request wants an answer, which counts, as
 * all that comes does, when it arrives. The first call after an answer only takes note of it; so of
 * two calls one sends, unless the last request is still unanswered, which is as good: TCP goes on
 * sending that.
 */
static enum link_state ask(struct link *l) {
    struct alive *a = l->alive;
    if (a->unanswered >= a->most) {
        a->given_up = true;
        return LINK_LOST;
    }
    a->unanswered++;
    a->next = deadline_in(a->interval);
    ssh_send_keepalive(l->ssh);
    ssh_send_keepalive(l->ssh);
    return LINK_READY; /* it may have read what the caller waits for */
}

enum link_state link_wait(struct link *l, int64_t deadline) {
    if (link_lost(l))
        return LINK_LOST;
    short events = POLLIN;
    if (ssh_get_status(l->ssh) & SSH_WRITE_PENDING)
        events |= POLLOUT;
    struct pollfd set[] = {{.fd = ssh_get_fd(l->ssh), .events = events}, {0}};
    if (l->alive)
        listen_for_life(l->alive, false);
    int64_t until = l->alive ? l->alive->next : DEADLINE_NEVER;
    switch (gate_poll(&l->place, l->cancel, set, ARRAY_LEN(set), deadline_min(until, deadline))) {
    case WAITED_CANCELLED:
        return LINK_CANCELLED;
    case WAITED_TIMEOUT:
        return until < deadline ? ask(l) : LINK_TIMEOUT;
    default:
        if (l->alive)
            listen_for_life(l->alive, set[0].revents & POLLIN);
        /* a peer that never stops sending is always ready, and must not outlast the deadline */
        return clock_now() < deadline ? LINK_READY : LINK_TIMEOUT;
    }
}

bool link_broke(const struct link *l) {
    return l->carrier && l->carrier->ops->broke(l->carrier);
}

/* ---- sentences ----------------------------------------------------------------------------- */

static void add_silence(const struct link *l, struct str *out) {
    char interval[DURATION_TEXT];
    duration_format(l->alive->interval, interval);
    str_addf(out, "no answer to %d keepalive%s in intervals of %s", l->alive->most,
             l->alive->most == 1 ? "" : "s", interval);
}

void link_add_words(const struct link *l, struct str *out) {
    size_t before = out->len;
    if (l->carrier)
        l->carrier->ops->add_reason(l->carrier, out);
    if (out->len > before)
        return;
    const char *words = ssh_get_error(l->ssh);
    if (l->alive && l->alive->given_up) {
        add_silence(l, out);
        return;
    }
    if (strcmp(words, "Socket error: disconnected") == 0)
        words = LINK_CLOSED;
    else if (strncmp(words, "Socket error: ", 14) == 0)
        words += 14;
    if (*words)
        text_add_printable(out, words, strlen(words), 300);
    else
        str_add(out, "no reason given");
}

static int timed_out(const struct link *l, const char *what, struct error *err) {
    if (l->within == 0)
        return error_set(err, ERROR_TIMEOUT, "no end of %s with %s before the deadline", what,
                         l->peer);
    char within[DURATION_TEXT];
    duration_format(l->within, within);
    return error_set(err, ERROR_TIMEOUT, "no end of %s with %s within %s (" LIMIT_LOGIN ")", what,
                     l->peer, within);
}

int link_error(const struct link *l, enum link_state state, const char *what, struct error *err) {
    if (state == LINK_CANCELLED)
        return error_set(err, ERROR_INTERRUPTED, "the run was ended during %s", what);
    if (state == LINK_TIMEOUT)
        return timed_out(l, what, err);
    cleanup(str_done) struct str words = {0};
    link_add_words(l, &words);
    if (words.failed)
        return error_memory(err);
    return error_set(err, ERROR_CONNECTION_LOST, "the connection to %s was lost during %s: %s",
                     l->peer, what, words.data);
}

void link_done(struct link *l) {
    struct carrier *carrier = TAKE(l->carrier);
    ssh_session ssh = TAKE(l->ssh);
    gate_leave(&l->place);
    free(TAKE(l->offer));
    if (ssh) {
        /* the polite ssh_disconnect() may or may not close a descriptor that was handed over;
         * this one always does, exactly once */
        ssh_silent_disconnect(ssh);
        ssh_free(ssh);
    }
    free(TAKE(l->alive)); /* the session has counted in it */
    if (carrier)
        carrier->ops->close(carrier);
}
