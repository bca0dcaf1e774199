/* link: see link.h. */
#include "transport/link.h"

#include "base/text.h"
#include "base/units.h"

#include <poll.h>
#include <string.h>

bool link_lost(const struct link *l) {
    return !ssh_is_connected(l->ssh) || ssh_get_fd(l->ssh) < 0;
}

enum link_state link_wait(struct link *l, int64_t deadline) {
    if (link_lost(l))
        return LINK_LOST;
    short events = POLLIN;
    if (ssh_get_status(l->ssh) & SSH_WRITE_PENDING)
        events |= POLLOUT;
    switch (gate_wait(&l->place, l->cancel, ssh_get_fd(l->ssh), events, deadline)) {
    case WAITED_CANCELLED:
        return LINK_CANCELLED;
    case WAITED_TIMEOUT:
        return LINK_TIMEOUT;
    default:
        return LINK_READY;
    }
}

void link_add_words(const struct link *l, struct str *out) {
    const char *words = ssh_get_error(l->ssh);
    if (strcmp(words, "Socket error: disconnected") == 0)
        words = "the server closed it";
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
    gate_leave(&l->place);
    if (!l->ssh)
        return;
    /* the polite ssh_disconnect() may or may not close a descriptor that was handed over; this
     * one always does, exactly once */
    ssh_silent_disconnect(l->ssh);
    ssh_free(l->ssh);
    l->ssh = NULL;
}
