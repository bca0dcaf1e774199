/*
 * fleet_loop: see fleet_loop.h.
 *
 * Each loop listens on a socket of its own on all of 127.0.0.0/8 at the same port (SO_REUSEPORT):
 * the kernel deals the connections out, and the address that was reached tells the server. Nothing
 * is shared between loops but the fleet's counts.
 *
 * A connection belongs to the loop that accepted it: it is in the loop's epoll set, in its list,
 * and, while it waits for a time, in its timers. libssh closes a socket at an error itself, and
 * another thread may have its number a moment later; so a descriptor is never taken out of the set
 * but by closing it.
 */
#include "fleet_loop.h"

#include "base/clock.h"
#include "base/fd.h"
#include "fleet_connection.h"
#include "fleet_timers.h"
#include "sync/cancel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define ACCEPT_MOST 32      /* at a time, so that those who wait for a handshake get on */
#define BACKLOG 65535       /* net.core.somaxconn limits it */
#define SPARE_DESCRIPTORS 8 /* of all that there may be */

struct member {
    struct timer timer; /* its owner is the member */
    struct connection *connection;
    struct member *next, **link; /* in the loop's list */
    bool writes;                 /* the set asks for that, too */
};

struct loop {
    struct fleet *fleet;
    ssh_bind bind;
    int epoll;
    int listener;
    struct timers timers;
    struct member *members;
};

/* ---- making one ---- */

static int listen_at(unsigned short port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    fd_close(&fd);
    return -1;
}

/* `arg` is what the set says of it: NULL the listener, a token of the fleet, else a member. */
static int watch(const struct loop *l, int fd, uint32_t events, void *arg) {
    struct epoll_event event = {.events = events, .data.ptr = arg};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event);
}

static ssh_bind new_bind(const struct fleet *fleet) {
    const bool no = false;
    ssh_bind bind = ssh_bind_new();
    if (bind && ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no) == SSH_OK &&
        ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, fleet->host_key) == SSH_OK)
        return bind;
    ssh_bind_free(bind);
    return NULL;
}

int loop_new(struct fleet *fleet, struct loop **ret, struct error *err) {
    struct loop *l = malloc(sizeof(*l));
    if (!l)
        return error_memory(err);
    *l = (struct loop){.fleet = fleet, .listener = -1};
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->bind = new_bind(fleet);
    l->listener = listen_at(fleet->port);
    if (!l->bind)
        error_set(err, ERROR_INTERNAL, "the host key %s cannot be read", fleet->host_key);
    else if (l->listener < 0)
        error_os(err, ERROR_INTERNAL, errno, "port %d", fleet->port);
    else if (l->epoll < 0 || watch(l, l->listener, EPOLLIN, NULL) < 0 ||
             watch(l, cancel_fd(fleet->cancel), EPOLLIN, fleet->cancel) < 0 ||
             watch(l, cancel_fd(fleet->gathered), EPOLLIN | EPOLLET, fleet->gathered) < 0)
        error_os(err, ERROR_INTERNAL, errno, "epoll");
    else {
        *ret = l;
        return 0;
    }
    loop_free(l);
    return -1;
}

/* ---- members ---- */

static void remove_member(struct loop *l, struct member *m) {
    (void)!timers_set(&l->timers, &m->timer, DEADLINE_NEVER);
    if (m->next)
        m->next->link = m->link;
    *m->link = m->next;
    connection_close(m->connection);
    free(m);
}

void loop_free(struct loop *l) {
    if (!l)
        return;
    while (l->members)
        remove_member(l, l->members);
    timers_done(&l->timers);
    fd_close(&l->epoll);
    fd_close(&l->listener);
    ssh_bind_free(l->bind);
    free(l);
}

/* Has the set and the timers wait for what the connection waits for. */
static bool settle(struct loop *l, struct member *m) {
    bool writes = connection_wants_write(m->connection);
    struct epoll_event event = {.events = writes ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = m};
    if (writes != m->writes &&
        epoll_ctl(l->epoll, EPOLL_CTL_MOD, connection_fd(m->connection), &event) < 0)
        return false;
    m->writes = writes;
    int64_t due = connection_due(m->connection);
    return due == m->timer.due || timers_set(&l->timers, &m->timer, due) == 0;
}

static void step(struct loop *l, struct member *m, bool ready) {
    if (!connection_step(m->connection, ready) || !settle(l, m))
        remove_member(l, m);
}

static void add_member(struct loop *l, struct connection *c) {
    struct member *m = malloc(sizeof(*m));
    if (!m) {
        connection_close(c);
        return;
    }
    *m = (struct member){.connection = c, .next = l->members, .link = &l->members};
    m->timer = (struct timer){.due = DEADLINE_NEVER, .owner = m};
    if (m->next)
        m->next->link = &m->next;
    l->members = m;
    if (watch(l, connection_fd(c), EPOLLIN, m) < 0)
        remove_member(l, m);
}

/* ---- accepting ---- */

/* The number of the server that a socket has reached; 0: none. */
static size_t server_reached(const struct fleet *fleet, int fd) {
    struct sockaddr_in at;
    socklen_t size = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        return 0;
    size_t index = (size_t)(ntohl(at.sin_addr.s_addr) - FLEET_FIRST);
    return index < fleet->simulation.servers ? index + 1 : 0;
}

static void turn_away(struct fleet *fleet, int fd) {
    if (atomic_fetch_add(&fleet->counts.turned_away, 1) == 0)
        fprintf(stderr, "fleet_sim: connections are turned away: only %d descriptors (ulimit -n)\n",
                fleet->descriptors);
    connection_reset(fd);
}

static void accept_some(struct loop *l) {
    struct fleet *fleet = l->fleet;
    for (int i = 0; i < ACCEPT_MOST; i++) {
        int fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        size_t number = server_reached(fleet, fd);
        if (number > 0 && fd < fleet->descriptors - SPARE_DESCRIPTORS) {
            atomic_fetch_add(&fleet->counts.accepted, 1);
            struct connection *c = connection_open(fleet, l->bind, number, fd);
            if (c)
                add_member(l, c);
        } else if (number > 0) {
            turn_away(fleet, fd);
        } else {
            connection_reset(fd);
        }
    }
}

/* ---- running ---- */

static void step_all(struct loop *l) {
    for (struct member *m = l->members, *next; m; m = next) {
        next = m->next;
        step(l, m, false);
    }
}

/* A member may be gone after its own event, not before: each is in `events` once at most. */
static void take_events(struct loop *l, const struct epoll_event *events, int n) {
    const struct fleet *fleet = l->fleet;
    bool gathered = false;
    for (int i = 0; i < n; i++) {
        void *what = events[i].data.ptr;
        if (!what)
            accept_some(l);
        else if (what == fleet->gathered)
            gathered = true;
        else if (what != fleet->cancel)
            step(l, what, true);
    }
    if (gathered)
        step_all(l);
}

static void take_timers(struct loop *l) {
    int64_t now = clock_now();
    for (struct timer *t; (t = timers_take(&l->timers, now));) {
        t->due = DEADLINE_NEVER;
        step(l, t->owner, false);
    }
}

void *loop_run(void *arg) {
    struct loop *l = arg;
    struct epoll_event events[EVENTS];
    while (!cancel_fired(l->fleet->cancel)) {
        int n = epoll_wait(l->epoll, events, EVENTS, deadline_left_ms(timers_due(&l->timers)));
        take_events(l, events, n);
        take_timers(l);
    }
    return NULL;
}
