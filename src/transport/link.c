/* link: see link.h. */
#include "transport/link.h"

#include "base/text.h"
#include "base/units.h"

#include <libssh/server.h>
#include <poll.h>
#include <string.h>

bool link_lost(const struct link *l) {
    return l->alive.given_up || !ssh_is_connected(l->ssh) || ssh_get_fd(l->ssh) < 0;
}

/* ---- waiting ------------------------------------------------------------------------------- */

void link_keep_alive(struct link *l, int64_t interval, int most) {
    l->alive.interval = interval;
    l->alive.most = most;
    l->alive.unanswered = 0;
    l->alive.next = deadline_in(interval);
}

static void heard(struct link *l) {
    l->alive.unanswered = 0;
    l->alive.next = deadline_in(l->alive.interval);
}

/*
 * Asks the server for a word, or gives it up. libssh's request wants an answer, which counts, as
 * all that comes does, when it arrives. The first call after an answer only takes note of it; so of
 * two calls one sends, unless the last request is still unanswered, which is as good: TCP goes on
 * sending that.
 */
static enum link_state ask(struct link *l) {
    if (l->alive.unanswered >= l->alive.most) {
        l->alive.given_up = true;
        return LINK_LOST;
    }
    l->alive.unanswered++;
    l->alive.next = deadline_in(l->alive.interval);
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
    int64_t until = l->alive.interval > 0 ? l->alive.next : DEADLINE_NEVER;
    switch (gate_poll(&l->place, l->cancel, set, ARRAY_LEN(set), deadline_min(until, deadline))) {
    case WAITED_CANCELLED:
        return LINK_CANCELLED;
    case WAITED_TIMEOUT:
        return until < deadline ? ask(l) : LINK_TIMEOUT;
    default:
        if (l->alive.interval > 0 && set[0].revents & POLLIN)
            heard(l);
        return LINK_READY;
    }
}

bool link_broke(const struct link *l) {
    return l->carrier && l->carrier->ops->broke(l->carrier);
}

/* ---- sentences ----------------------------------------------------------------------------- */

static void add_silence(const struct link *l, struct str *out) {
    char interval[DURATION_TEXT];
    duration_format(l->alive.interval, interval);
    str_addf(out, "no answer to %d keepalives, one each %s", l->alive.most, interval);
}

void link_add_words(const struct link *l, struct str *out) {
    size_t before = out->len;
    if (l->carrier)
        l->carrier->ops->add_reason(l->carrier, out);
    if (out->len > before)
        return;
    const char *words = ssh_get_error(l->ssh);
    if (l->alive.given_up) {
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
    return error_set(err, ERROR_TIMEOUT, "no end of %s with %s within %s", what, l->peer, within);
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
    if (carrier)
        carrier->ops->close(carrier);
}
