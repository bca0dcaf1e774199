/*
 * connect: see connect.h.
 *
 * One attempt is a race of the addresses, run by the thread that wants the connection: a socket for
 * each address that was started, one poll() over all of them. An address that fails keeps its errno
 * until the race is over, for the sentence when all have failed. With little time, the steps are
 * shorter, so that every address has its turn.
 *
 * Descriptors that run out end a race only when it has none in hand: until then the next address
 * waits for its turn.
 */
#include "transport/connect.h"

#include "base/fd.h"
#include "base/str.h"
#include "transport/source.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

struct runner {
    const struct address *address;
    int fd; /* -1: not started, or failed */
    int os; /* why it failed, 0: it has not */
    bool bound;
};

struct race {
    const struct destination *to;
    const struct source *source;
    struct place *place;
    struct cancel *cancel;
    struct limit limit;
    struct runner *runners;
    struct pollfd *set; /* of those that go on, and the token's */
    size_t count;
    size_t started; /* the first so many */
    size_t going;   /* of these */
    int64_t step;
    int64_t next; /* when the next one starts */
    int shortage; /* errno: why the next one has not */
    struct runner *winner;
};

/* ---- sentences ----------------------------------------------------------------------------- */

static void address_text(const struct address *a, char out[ADDRESS_TEXT]) {
    char host[64], port[8];
    if (getnameinfo((const struct sockaddr *)&a->at, a->len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(out, ADDRESS_TEXT, "an address of family %d", a->at.ss_family);
    else
        snprintf(out, ADDRESS_TEXT, "%s port %s", host, port);
}

static int bind_failed(const struct race *r, const struct runner *one, struct error *err) {
    const char *family = one->address->at.ss_family == AF_INET ? "IPv4" : "IPv6";
    if (one->os == EAFNOSUPPORT)
        return error_set(err, ERROR_UNREACHABLE, "%s has no %s address to connect from",
                         r->source->name, family);
    return error_os(err, ERROR_UNREACHABLE, one->os, "cannot connect from %s", r->source->name);
}

/* Why one address is not connected to. */
static int judge(const struct race *r, const struct runner *one, struct error *err) {
    char address[ADDRESS_TEXT], what[ADDRESS_TEXT + 20];
    address_text(one->address, address);
    if (one->os && !one->bound)
        return bind_failed(r, one, err);
    switch (one->os) {
    case 0:
        snprintf(what, sizeof(what), "no answer from %s", address);
        return limit_passed(&r->limit, ERROR_UNREACHABLE, what, err);
    case ECONNREFUSED:
        return error_set(err, ERROR_UNREACHABLE, "connection refused by %s", address);
    case ENETUNREACH:
    case EHOSTUNREACH:
        return error_set(err, ERROR_UNREACHABLE, "no route to %s", address);
    case EADDRNOTAVAIL:
        return error_set(err, ERROR_UNREACHABLE,
                         "cannot connect to %s: no local address or port is free: see "
                         "net.ipv4.ip_local_port_range",
                         address);
    case ETIMEDOUT:
        return error_set(err, ERROR_UNREACHABLE, "no answer from %s", address);
    default:
        return error_os(err, ERROR_UNREACHABLE, one->os, "cannot connect to %s", address);
    }
}

/* One address whose turn has not come. */
static int not_tried(const struct race *r, const struct runner *one, struct error *err) {
    char address[ADDRESS_TEXT];
    address_text(one->address, address);
    if (r->shortage)
        return error_os(err, ERROR_INTERNAL, r->shortage, "cannot open a socket for %s", address);
    return error_set(err, ERROR_TIMEOUT, "no time was left to try %s (" LIMIT_CONNECT ")", address);
}

/* Says of every address what became of it. */
static int all_failed(const struct race *r, struct error *err) {
    cleanup(str_done) struct str said = {0};
    enum error_kind kind = ERROR_UNREACHABLE;
    for (size_t i = 0; i < r->count; i++) {
        if (i < r->started)
            judge(r, &r->runners[i], err);
        else
            not_tried(r, &r->runners[i], err);
        if (err->kind != ERROR_UNREACHABLE)
            kind = err->kind;
        str_add(&said, i ? "; " : "");
        str_add(&said, err->text);
    }
    if (said.failed)
        return error_memory(err);
    error_set(err, kind, "%s", said.data);
    err->os = r->shortage;
    return -1;
}

/* ---- the race ------------------------------------------------------------------------------ */

/* A peer that has vanished from an idle connection is noticed within about half a minute. */
static void set_options(int fd, bool keepalive) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (!keepalive)
        return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){15}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){5}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){3}, sizeof(int));
}

/* Begins to connect. Returns 0, EINPROGRESS or another errno. */
static int start(const struct race *r, struct runner *one) {
    const struct address *a = one->address;
    one->fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (one->fd < 0) {
        one->bound = true; /* it was not the binding that failed */
        return errno;
    }
    int os = source_bind(r->source, one->fd, a->at.ss_family);
    if (os != 0)
        return os;
    one->bound = true;
    set_options(one->fd, r->to->keepalive);
    if (connect(one->fd, (const struct sockaddr *)&a->at, a->len) == 0)
        return 0;
    return errno == EINTR ? EINPROGRESS : errno;
}

/* What a runner has come to: EINPROGRESS, 0 when it is there, or another errno. */
static void advance(struct race *r, struct runner *one, int os) {
    if (os == EINPROGRESS)
        return;
    r->going--;
    if (os == 0) {
        r->winner = one;
        return;
    }
    one->os = os;
    fd_close(&one->fd);
    r->next = 0; /* at once */
}

/* Starts the next address. Fails when descriptors have run out and there is nothing to wait for. */
static int start_next(struct race *r, struct error *err) {
    struct runner *one = &r->runners[r->started];
    r->next = deadline_in(r->step);
    int os = start(r, one);
    r->shortage = error_os_is_shortage(os) ? os : 0;
    if (!r->shortage) {
        r->started++;
        r->going++;
        advance(r, one, os);
        return 0;
    }
    fd_close(&one->fd);
    return r->going > 0 ? 0 : not_tried(r, one, err);
}

static int outcome(int fd) {
    int os = 0;
    socklen_t len = sizeof(os);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &len) == 0 ? os : errno;
}

/* Waits for those that go on, or until it is the next one's turn. Returns what gate_poll() does. */
static enum waited wait_for_any(struct race *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->started; i++)
        if (r->runners[i].fd >= 0)
            r->set[n++] = (struct pollfd){.fd = r->runners[i].fd, .events = POLLOUT};
    int64_t until = r->started < r->count ? r->next : DEADLINE_NEVER;
    enum waited waited =
        gate_poll(r->place, r->cancel, r->set, n + 1, deadline_min(until, r->limit.deadline));
    n = 0;
    for (size_t i = 0; waited == WAITED_READY && i < r->started && !r->winner; i++) {
        struct runner *one = &r->runners[i];
        if (one->fd >= 0 && r->set[n++].revents)
            advance(r, one, outcome(one->fd));
    }
    return waited;
}

static int run(struct race *r, struct error *err) {
    while (!r->winner) {
        if (r->started < r->count && (r->going == 0 || clock_now() >= r->next)) {
            if (start_next(r, err) != 0)
                return -1;
            continue;
        }
        if (r->going == 0)
            return all_failed(r, err);
        enum waited waited = wait_for_any(r);
        if (waited == WAITED_CANCELLED)
            return error_set(err, ERROR_INTERRUPTED, "the run was ended");
        if (waited == WAITED_TIMEOUT && clock_now() >= r->limit.deadline)
            return all_failed(r, err);
    }
    return 0;
}

static int64_t step_of(const struct limit *limit, size_t count) {
    if (limit->deadline == DEADLINE_NEVER)
        return CONNECT_STEP;
    int64_t left = limit->deadline - clock_now();
    return left <= 0 ? 1 : deadline_min(CONNECT_STEP, left / (int64_t)(count + 1));
}

static void race_done(struct race *r) {
    for (size_t i = 0; r->runners && i < r->count; i++)
        fd_close(&r->runners[i].fd);
    free(r->runners);
    free(r->set);
}

static int race(struct race *r, const struct addresses *list, int *fd, char address[ADDRESS_TEXT],
                struct error *err) {
    r->count = list->count;
    r->step = step_of(&r->limit, list->count);
    r->runners = calloc(list->count, sizeof(*r->runners));
    r->set = calloc(list->count + 1, sizeof(*r->set));
    if (!r->runners || !r->set)
        return error_memory(err);
    for (size_t i = 0; i < list->count; i++)
        r->runners[i] = (struct runner){.address = &list->items[i], .fd = -1};
    if (run(r, err) != 0)
        return -1;
    address_text(r->winner->address, address);
    *fd = fd_take(&r->winner->fd);
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* What all attempts have in common; all of it borrowed. */
struct want {
    const struct destination *to;
    const struct addresses *list;
    const struct source *source;
    struct place *place;
    struct cancel *cancel;
    int64_t timeout;
    int64_t deadline;
};

static int attempt(const struct want *w, int *fd, char address[ADDRESS_TEXT], struct error *err) {
    cleanup(race_done) struct race r = {.to = w->to,
                                        .source = w->source,
                                        .place = w->place,
                                        .cancel = w->cancel,
                                        .limit =
                                            limit_start(w->timeout, LIMIT_CONNECT, w->deadline)};
    return race(&r, w->list, fd, address, err);
}

static int attempt_all(const struct want *w, int *fd, char address[ADDRESS_TEXT],
                       struct error *err) {
    for (int left = w->to->attempts; attempt(w, fd, address, err) != 0;) {
        int64_t until = deadline_in(CONNECT_PAUSE);
        if (--left <= 0 || err->kind != ERROR_UNREACHABLE || until >= w->deadline)
            return -1;
        if (gate_wait(w->place, w->cancel, -1, 0, until) == WAITED_CANCELLED)
            return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    }
    return 0;
}

static void set_port(struct addresses *list, int port) {
    for (size_t i = 0; i < list->count; i++) {
        struct sockaddr_storage *at = &list->items[i].at;
        if (at->ss_family == AF_INET)
            ((struct sockaddr_in *)at)->sin_port = htons((uint16_t)port);
        else
            ((struct sockaddr_in6 *)at)->sin6_port = htons((uint16_t)port);
    }
}

int connect_tcp(struct resolver *r, const struct destination *to, struct place *place,
                struct cancel *cancel, int64_t timeout, int64_t deadline, int *fd,
                char address[ADDRESS_TEXT], struct error *err) {
    cleanup(free_ptr) struct addresses *list = NULL;
    cleanup(source_done) struct source source = {0};
    struct limit limit = limit_start(timeout, LIMIT_CONNECT, deadline);
    if (resolve(r, to->host, to->family, place, cancel, &limit, &list, err) != 0 ||
        source_find(r, to->bind_address, to->bind_interface, to->family, place, cancel, &limit,
                    &source, err) != 0)
        return -1;
    set_port(list, to->port);
    struct want w = {.to = to,
                     .list = list,
                     .source = &source,
                     .place = place,
                     .cancel = cancel,
                     .timeout = timeout,
                     .deadline = deadline};
    return attempt_all(&w, fd, address, err);
}
