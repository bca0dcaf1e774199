/*
 * relay: see relay.h.
 *
 * No byte is looked at. The lease is kept here too, because the network may be cut between muster
 * and this process, whose sshd would then hold it for hours; the other agent's end closes the
 * connection to it.
 */
#include "relay.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

struct flow {
    int from, to;
    struct str data;
    size_t at; /* what of it has been passed on */
};

/* Returns false at the end of the input. */
static bool take(struct flow *f) {
    char *room = str_room(&f->data, CHUNK);
    ssize_t n = room ? read(f->from, room, CHUNK) : 0;
    if (n > 0)
        f->data.len += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Returns false when nobody reads any more. */
static bool give(struct flow *f) {
    size_t left = f->data.len - f->at, piece = left < PIPE_BUF ? left : PIPE_BUF;
    ssize_t n = send(f->to, f->data.data + f->at, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK)
        n = write(f->to, f->data.data + f->at, piece);
    if (n > 0)
        f->at += (size_t)n;
    if (f->at == f->data.len) {
        f->at = 0;
        str_clear(&f->data);
    }
    return n > 0 || errno == EAGAIN || errno == EINTR;
}

/* Reads when there is nothing to pass on, else passes it on. Returns false at the flow's end. */
static bool step(struct flow *f, short revents) {
    if (!revents)
        return true;
    return f->data.len > 0 ? give(f) : take(f);
}

static struct pollfd wanted(const struct flow *f) {
    return f->data.len > 0 ? (struct pollfd){.fd = f->to, .events = POLLOUT}
                           : (struct pollfd){.fd = f->from, .events = POLLIN};
}

void relay_run(struct io *io, int other) {
    struct flow up = {.from = STDIN_FILENO, .to = other, .data = io->input};
    struct flow down = {.from = other, .to = STDOUT_FILENO};
    io->input = (struct str){0};
    for (bool on = true; on && !lease_over(&io->lease);) {
        struct pollfd fds[3] = {wanted(&up), wanted(&down), {.fd = io->signals, .events = POLLIN}};
        if (poll(fds, 3, deadline_left_ms(io->lease.ends)) < 0 && errno != EINTR)
            break;
        if (fds[0].revents && fds[0].fd == STDIN_FILENO)
            lease_renew(&io->lease);
        on = step(&up, fds[0].revents) && step(&down, fds[1].revents) && !fds[2].revents;
    }
    close(other);
    str_done(&up.data);
    str_done(&down.data);
}
