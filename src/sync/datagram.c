/*
 * datagram: see datagram.h.
 *
 * The socket is connected, as poll() tells of a connected one alone whether the other end has room,
 * and never blocks. An error that is not a lack of room means that the daemon has gone: the socket
 * is connected anew with the next message, which finds whoever listens there by then.
 *
 * The queue is one run of bytes, each message after its length. What was sent is cut off when all
 * of it was, or when it is more than half, so that a queue which never empties does not grow.
 */
#include "sync/datagram.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define QUEUE_MAX ((size_t)16 << 20)
#define KEPT_QUEUE ((size_t)1 << 20) /* a larger one is freed once it is empty */
#define SEND_BUFFER (8 << 20)        /* asked for; the system gives what it allows */
#define PATIENCE (5 * CLOCK_S)
#define PAUSE_MIN (10 * CLOCK_MS)
#define PAUSE_MAX (500 * CLOCK_MS)

struct datagram {
    struct sockaddr_un address;
    bool by_file;
    int fd; /* -1: to be connected */
    struct str queue;
    size_t sent;   /* bytes of the queue that have gone */
    size_t queued; /* messages */
    size_t lost;
    int os;
    int64_t
        refused;   /* when the daemon first took nothing, since it last took something; 0: never */
    int64_t pause; /* until it is asked again */
    int64_t due;
};

static int connect_to(struct datagram *d) {
    cleanup(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int size = SEND_BUFFER;
    if (fd < 0 || connect(fd, (struct sockaddr *)&d->address, sizeof(d->address)) < 0)
        return errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    d->fd = fd_take(&fd);
    return 0;
}

int datagram_new(const char *path, bool by_file, struct datagram **ret, struct error *err) {
    struct datagram *d = calloc(1, sizeof(*d));
    if (!d)
        return error_memory(err);
    size_t n = strlen(path);
    int os = n < sizeof(d->address.sun_path) ? 0 : ENAMETOOLONG;
    d->fd = -1;
    d->by_file = by_file;
    d->due = DEADLINE_NEVER;
    d->address.sun_family = AF_UNIX;
    if (os == 0) {
        memcpy(d->address.sun_path, path, n + 1);
        os = connect_to(d);
    }
    if (os != 0) {
        datagram_free(d);
        return error_os(err, ERROR_USAGE, os, "%s", path);
    }
    *ret = d;
    return 0;
}

void datagram_free(struct datagram *d) {
    if (!d)
        return;
    fd_close(&d->fd);
    str_done(&d->queue);
    free(d);
}

void datagram_add(struct datagram *d, const char *bytes, size_t n) {
    size_t before = d->queue.len;
    if (d->queued > 0 && before - d->sent + n > QUEUE_MAX) {
        d->lost++;
        return;
    }
    str_add_bytes(&d->queue, &n, sizeof(n));
    str_add_bytes(&d->queue, bytes, n);
    if (d->queue.failed) {
        d->queue.failed = false;
        d->queue.len = before;
        d->lost++;
        d->os = ENOMEM;
        return;
    }
    if (d->queued++ == 0)
        d->due = clock_now();
}

/* A descriptor that the receiver can map without fearing that it changes; -1 with errno. */
static int sealed_file(const char *bytes, size_t n) {
    cleanup(fd_close) int fd = memfd_create("muster-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || fd_write_all(fd, bytes, n) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -1;
    return fd_take(&fd);
}

/* Returns 0 or an errno. */
static int send_file(struct datagram *d, const char *bytes, size_t n) {
    cleanup(fd_close) int file = sealed_file(bytes, n);
    if (file < 0)
        return errno;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
    const struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof(control)};
    return sendmsg(d->fd, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

static bool is_too_large(int os) {
    return os == EMSGSIZE || os == ENOBUFS;
}

/* Returns 0, or the errno that says why it did not go. */
static int send_message(struct datagram *d, const char *bytes, size_t n) {
    int os = d->fd < 0 ? connect_to(d) : 0;
    if (os != 0)
        return os;
    os = send(d->fd, bytes, n, MSG_NOSIGNAL) < 0 ? errno : 0;
    if (is_too_large(os) && d->by_file)
        os = send_file(d, bytes, n);
    if (os != 0 && os != EAGAIN && os != EINTR && !is_too_large(os) && !error_os_is_shortage(os))
        fd_close(&d->fd);
    return os;
}

static void cut_sent(struct datagram *d) {
    size_t left = d->queue.len - d->sent;
    if (left > d->sent)
        return;
    if (left > 0)
        memmove(d->queue.data, d->queue.data + d->sent, left);
    d->queue.len = left;
    d->sent = 0;
    if (left == 0 && d->queue.cap > KEPT_QUEUE)
        str_done(&d->queue);
}

static void note_refusal(struct datagram *d, int os) {
    int64_t now = clock_now();
    if (d->refused == 0)
        d->refused = now;
    d->pause = d->pause == 0 ? PAUSE_MIN : deadline_min(2 * d->pause, PAUSE_MAX);
    d->os = os;
    d->due = now + d->pause;
}

/* Sends until the queue is empty or the daemon takes no more. Returns whether it is empty. */
static bool send_some(struct datagram *d) {
    int os = 0;
    while (d->queued > 0) {
        size_t n;
        memcpy(&n, d->queue.data + d->sent, sizeof(n));
        os = send_message(d, d->queue.data + d->sent + sizeof(n), n);
        if (os == EMSGSIZE && !d->by_file) {
            d->lost++; /* never will it fit */
            d->os = os;
        } else if (os != 0) {
            break;
        }
        d->sent += sizeof(n) + n;
        d->queued--;
        d->refused = d->pause = 0;
    }
    cut_sent(d);
    if (d->queued > 0)
        note_refusal(d, os);
    else
        d->due = DEADLINE_NEVER;
    return d->queued == 0;
}

void datagram_send(struct datagram *d, bool patient) {
    if (d->queued == 0 || (!patient && clock_now() < d->due))
        return;
    while (!send_some(d) && patient && clock_now() - d->refused < PATIENCE) {
        /* without a connection nothing tells when to try again */
        struct pollfd room = {.fd = d->fd, .events = POLLOUT};
        poll(&room, 1, deadline_left_ms(d->due));
    }
}

int64_t datagram_due(const struct datagram *d) {
    return d->due;
}

size_t datagram_queued(const struct datagram *d) {
    return d->queued;
}

size_t datagram_lost(const struct datagram *d) {
    return d->lost;
}

int datagram_errno(const struct datagram *d) {
    return d->os;
}
