/*
 * linger: see linger.h.
 *
 * An agent listens on an abstract Unix socket from its first lease on, not just when its session is
 * lost, because muster may know of that before the agent does: whoever connects last has the
 * session, or, with an agent that does not linger, the server to itself. The name says which run,
 * server and user it is for; that names are kept apart by user is so that nobody stands in
 * another's way by chance. What keeps others out is the kernel's word on who the peer is, which
 * both sides ask for.
 */
#include "linger.h"

#include "base/clock.h"
#include "lock.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ATTEMPTS 20 /* at an agent that ends, or has bound its name and does not listen yet */
#define PAUSE (10 * CLOCK_MS)
#define BACKLOG 8

static socklen_t name_of(const char *run, const struct lease *lease, struct sockaddr_un *ret) {
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "muster-linger:%u:%s-%016llx",
                     (unsigned)geteuid(), run, (unsigned long long)lease->key);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static bool is_own_user(int fd) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

/* Returns as linger_meet(), with errno where a second attempt may help. */
static int try(const struct sockaddr_un *name, socklen_t size, int *ret) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int rc = -1;
    if (bind(fd, (const struct sockaddr *)name, size) == 0 && listen(fd, BACKLOG) == 0)
        rc = 0;
    else if (errno == EADDRINUSE && connect(fd, (const struct sockaddr *)name, size) == 0) {
        errno = EACCES;
        rc = is_own_user(fd) ? 1 : -1;
    }
    int saved = errno;
    if (rc < 0)
        close(fd);
    else
        *ret = fd;
    errno = saved;
    return rc;
}

int linger_meet(const char *run, const struct lease *lease, int *ret) {
    struct sockaddr_un name;
    _Static_assert(sizeof("muster-linger:4294967295:") + LOCK_RUN_MAX + 17 <= sizeof(name.sun_path),
                   "a name is not cut");
    socklen_t size = name_of(run, lease, &name);
    for (int i = 0; i < ATTEMPTS; i++) {
        int rc = try(&name, size, ret);
        if (rc >= 0 || errno != ECONNREFUSED)
            return rc;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    }
    return -1;
}

int linger_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0 && !is_own_user(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}
