/*
 * connect: see connect.h.
 *
 * A look-up is owned by the worker that waits for it and by the thread that does it; the last one
 * to let go frees it. Nothing can stop getaddrinfo(), so a worker whose deadline passes lets go and
 * the thread ends by itself when the resolver gives up. The gate bounds such threads; it belongs to
 * the resolver, which lives until the last of them has ended.
 */
#include "transport/connect.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/units.h"
#include "transport/thread.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct resolver {
    atomic_int owners;
    struct gate *gate;
};

struct lookup {
    atomic_int owners;
    struct resolver *resolver;
    struct place place;
    int done; /* event descriptor */
    atomic_bool ready;
    char *host;
    char port[8];
    int family;
    int rc; /* of getaddrinfo(); what follows is the thread's until it is ready */
    int os;
    struct addrinfo *list;
};

/* what a connection is being tried with; all of it borrowed */
struct attempt {
    const struct destination *to;
    struct place *place;
    struct cancel *cancel;
    int64_t timeout;  /* for the sentence */
    int64_t deadline; /* of connecting */
    bool ours;        /* the deadline is the connect time-out's, not the server's */
};

/* ---- looking names up ---------------------------------------------------------------------- */

int resolver_new(int lookups, struct resolver **ret, struct error *err) {
    cleanup(free_ptr) struct resolver *r = calloc(1, sizeof(*r));
    if (!r)
        return error_memory(err);
    if (gate_new(lookups, &r->gate, err) != 0)
        return -1;
    atomic_init(&r->owners, 1);
    *ret = TAKE(r);
    return 0;
}

void resolver_free(struct resolver *r) {
    if (!r || atomic_fetch_sub(&r->owners, 1) != 1)
        return;
    gate_free(r->gate);
    free(r);
}

static void lookup_release(struct lookup *l) {
    if (!l || atomic_fetch_sub(&l->owners, 1) != 1)
        return;
    if (l->list)
        freeaddrinfo(l->list);
    fd_close(&l->done);
    gate_leave(&l->place);
    resolver_free(l->resolver);
    free(l->host);
    free(l);
}

static void lookup_releasep(struct lookup **l) {
    lookup_release(*l);
}

static int get_addresses(const char *host, const char *port, int family, int flags,
                         struct addrinfo **list) {
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    return getaddrinfo(host, port, &hints, list);
}

static void *look_up(void *arg) {
    struct lookup *l = arg;
    l->rc = get_addresses(l->host, l->port, l->family, AI_ADDRCONFIG, &l->list);
    l->os = errno;
    atomic_store(&l->ready, true);
    eventfd_write(l->done, 1);
    lookup_release(l);
    return NULL;
}

static struct lookup *lookup_new(struct resolver *r, const struct destination *to,
                                 struct error *err) {
    struct lookup *l = calloc(1, sizeof(*l));
    if (!l) {
        error_memory(err);
        return NULL;
    }
    atomic_init(&l->owners, 1);
    atomic_fetch_add(&r->owners, 1);
    l->resolver = r;
    l->family = to->family;
    snprintf(l->port, sizeof(l->port), "%d", to->port);
    l->host = strdup(to->host);
    l->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->host && l->done >= 0)
        return l;
    error_os(err, ERROR_INTERNAL, errno, "cannot look up %s", to->host);
    lookup_release(l);
    return NULL;
}

static int interrupted(struct error *err) {
    return error_set(err, ERROR_INTERRUPTED, "the run was ended");
}

/* `what` could not be had in time. */
static int too_late(const struct attempt *a, struct error *err, const char *what) {
    if (!a->ours)
        return error_set(err, ERROR_TIMEOUT, "%s before the server's deadline", what);
    char within[DURATION_TEXT];
    duration_format(a->timeout, within);
    return error_set(err, ERROR_UNREACHABLE, "%s within %s", what, within);
}

static int lookup_failed(const struct attempt *a, int rc, int os, struct error *err) {
    const char *host = a->to->host;
    if (rc == EAI_NONAME || rc == EAI_NODATA)
        return error_set(err, ERROR_UNREACHABLE, "the name %s is not known", host);
    if (rc == EAI_ADDRFAMILY)
        return error_set(err, ERROR_UNREACHABLE, "%s has no address of the family asked for", host);
    if (rc == EAI_MEMORY)
        return error_memory(err);
    if (rc == EAI_SYSTEM)
        return error_os(err, ERROR_UNREACHABLE, os, "the name %s cannot be looked up", host);
    return error_set(err, ERROR_UNREACHABLE, "the name %s cannot be looked up: %s", host,
                     gai_strerror(rc));
}

/* Starts the thread, once there is a place for it, and waits for it. */
static int lookup_run(struct lookup *l, const struct attempt *a, struct error *err) {
    char what[300];
    snprintf(what, sizeof(what), "the name %.200s could not be looked up", a->to->host);
    if (gate_enter(l->resolver->gate, a->cancel, a->deadline, &l->place, err) != 0)
        return err->kind == ERROR_TIMEOUT ? too_late(a, err, what) : -1;
    atomic_fetch_add(&l->owners, 1);
    int rc = thread_start(look_up, l, NULL);
    if (rc != 0) {
        lookup_release(l);
        return error_os(err, ERROR_INTERNAL, rc, "cannot start a thread to look up %s",
                        a->to->host);
    }
    switch (gate_wait(a->place, a->cancel, l->done, POLLIN, a->deadline)) {
    case WAITED_READY:
        break;
    case WAITED_CANCELLED:
        return interrupted(err);
    case WAITED_TIMEOUT:
        return too_late(a, err, what);
    }
    if (!atomic_load(&l->ready))
        return error_set(err, ERROR_INTERNAL, "cannot wait for the look-up of %s", a->to->host);
    return l->rc == 0 ? 0 : lookup_failed(a, l->rc, l->os, err);
}

static int resolve(struct resolver *r, const struct attempt *a, struct addrinfo **ret,
                   struct error *err) {
    char port[8];
    snprintf(port, sizeof(port), "%d", a->to->port);
    if (get_addresses(a->to->host, port, a->to->family, AI_NUMERICHOST, ret) == 0)
        return 0;
    cleanup(lookup_releasep) struct lookup *l = lookup_new(r, a->to, err);
    if (!l || lookup_run(l, a, err) != 0)
        return -1;
    *ret = TAKE(l->list);
    return 0;
}

/* ---- connecting ---------------------------------------------------------------------------- */

static void address_text(const struct addrinfo *ai, char out[ADDRESS_TEXT]) {
    char host[64], port[8];
    if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(out, ADDRESS_TEXT, "an address of family %d", ai->ai_family);
    else
        snprintf(out, ADDRESS_TEXT, "%s port %s", host, port);
}

static int bind_to(int fd, const struct destination *to, int family, struct error *err) {
    struct addrinfo *list = NULL;
    int rc = get_addresses(to->bind_address, "0", family, AI_NUMERICHOST | AI_PASSIVE, &list);
    if (rc != 0)
        return error_set(err, ERROR_UNREACHABLE, "cannot bind to %s: %s", to->bind_address,
                         gai_strerror(rc));
    rc = bind(fd, list->ai_addr, list->ai_addrlen) == 0 ? 0 : errno;
    freeaddrinfo(list);
    if (rc != 0)
        return error_os(err, ERROR_UNREACHABLE, rc, "cannot bind to %s", to->bind_address);
    return 0;
}

/* A peer that vanished without a word is noticed within about half a minute. */
static void set_options(int fd, bool keepalive) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (!keepalive)
        return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){15}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){5}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){3}, sizeof(int));
}

static int connect_failed(int os, const char *address, struct error *err) {
    switch (os) {
    case ECONNREFUSED:
        return error_set(err, ERROR_UNREACHABLE, "connection refused by %s", address);
    case ENETUNREACH:
    case EHOSTUNREACH:
        return error_set(err, ERROR_UNREACHABLE, "no route to %s", address);
    case ETIMEDOUT:
        return error_set(err, ERROR_UNREACHABLE, "no answer from %s", address);
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return error_os(err, ERROR_INTERNAL, os, "cannot open a socket");
    default:
        return error_os(err, ERROR_UNREACHABLE, os, "cannot connect to %s", address);
    }
}

static int connect_wait(int fd, const struct attempt *a, int64_t deadline, const char *address,
                        struct error *err) {
    char what[ADDRESS_TEXT + 20];
    switch (gate_wait(a->place, a->cancel, fd, POLLOUT, deadline)) {
    case WAITED_READY:
        break;
    case WAITED_CANCELLED:
        return interrupted(err);
    case WAITED_TIMEOUT:
        snprintf(what, sizeof(what), "no answer from %s", address);
        return too_late(a, err, what);
    }
    int os = 0;
    socklen_t len = sizeof(os);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &len) != 0)
        os = errno;
    return os == 0 ? 0 : connect_failed(os, address, err);
}

static int try_address(const struct attempt *a, const struct addrinfo *ai, int64_t deadline,
                       const char *address, int *ret, struct error *err) {
    cleanup(fd_close) int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return connect_failed(errno, address, err);
    if (a->to->bind_address && bind_to(fd, a->to, ai->ai_family, err) != 0)
        return -1;
    set_options(fd, a->to->keepalive);
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
        if (errno != EINPROGRESS && errno != EINTR)
            return connect_failed(errno, address, err);
        if (connect_wait(fd, a, deadline, address, err) != 0)
            return -1;
    }
    *ret = fd_take(&fd);
    return 0;
}

static bool is_final(const struct error *err) {
    return err->kind != ERROR_UNREACHABLE;
}

/* The last address has all the time that is left, those before it an equal share. */
static int64_t share(int64_t deadline, int left) {
    if (deadline == DEADLINE_NEVER)
        return deadline;
    int64_t now = clock_now();
    return now >= deadline ? deadline : now + (deadline - now) / left;
}

static int try_addresses(const struct attempt *a, const struct addrinfo *list, int *fd,
                         char address[ADDRESS_TEXT], struct error *err) {
    cleanup(str_done) struct str said = {0};
    int left = 0;
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
        left++;
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next, left--) {
        address_text(ai, address);
        if (try_address(a, ai, share(a->deadline, left), address, fd, err) == 0)
            return 0;
        if (is_final(err))
            return -1;
        if (said.len)
            str_add(&said, "; ");
        str_add(&said, err->text);
    }
    if (said.failed || !said.data)
        return error_memory(err);
    return error_set(err, ERROR_UNREACHABLE, "%s", said.data);
}

int connect_tcp(struct resolver *r, const struct destination *to, struct place *place,
                struct cancel *cancel, int64_t timeout, int64_t deadline, int *fd,
                char address[ADDRESS_TEXT], struct error *err) {
    int64_t own = deadline_in(timeout);
    struct attempt a = {.to = to,
                        .place = place,
                        .cancel = cancel,
                        .timeout = timeout,
                        .deadline = deadline_min(own, deadline),
                        .ours = own <= deadline};
    struct addrinfo *list = NULL;
    if (resolve(r, &a, &list, err) != 0)
        return -1;
    int rc = try_addresses(&a, list, fd, address, err);
    freeaddrinfo(list);
    return rc;
}
