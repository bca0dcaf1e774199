/*
 * pulse: see pulse.h.
 *
 * The messages of sd_notify(3) are datagrams of `KEY=VALUE` lines on the socket that $NOTIFY_SOCKET
 * names. A supervisor that does not read holds nobody up: what it does not take is dropped, but for
 * that the program is ready or ends, which is said again with the next beat.
 */
#include "sync/pulse.h"

#include "base/clock.h"
#include "base/fd.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct pulse {
    _Atomic int64_t beat;
    atomic_bool ready;
    const struct cancel *end;

    /* the main loop's */
    struct sockaddr_un address;
    socklen_t address_size; /* 0: nobody asked to be told */
    int fd;
    bool told_ready, told_end;
    int64_t watchdog; /* ns between two words that it comes round; 0: nobody asked */
    int64_t due;      /* of the next one */
};

/* `@name` is of the abstract name space. */
static void find_supervisor(struct pulse *p) {
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof(p->address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    p->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    p->address.sun_family = AF_UNIX;
    memcpy(p->address.sun_path, path, n);
    if (path[0] == '@')
        p->address.sun_path[0] = '\0';
    p->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* Twice as often as it is asked for. */
static int64_t watchdog_period(void) {
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!period || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    int64_t us = strtoll(period, NULL, 10);
    return us > 0 && us < INT64_MAX / CLOCK_US ? us * CLOCK_US / 2 : 0;
}

static bool tell(const struct pulse *p, const char *what) {
    return p->address_size == 0 ||
           sendto(p->fd, what, strlen(what), MSG_NOSIGNAL, (const struct sockaddr *)&p->address,
                  p->address_size) >= 0;
}

int pulse_new(const struct cancel *end, struct pulse **ret, struct error *err) {
    struct pulse *p = calloc(1, sizeof(*p));
    if (!p)
        return error_memory(err);
    p->fd = -1;
    p->end = end;
    find_supervisor(p);
    p->watchdog = p->address_size ? watchdog_period() : 0;
    pulse_beat(p);
    *ret = p;
    return 0;
}

void pulse_free(struct pulse *p) {
    if (p)
        fd_close(&p->fd);
    free(p);
}

void pulse_beat(struct pulse *p) {
    if (!p)
        return;
    int64_t now = clock_now();
    atomic_store(&p->beat, now);
    if (!p->told_ready && atomic_load(&p->ready))
        p->told_ready = tell(p, "READY=1");
    if (!p->told_end && cancel_fired(p->end))
        p->told_end = tell(p, "STOPPING=1");
    if (p->watchdog && now >= p->due) {
        p->due = now + p->watchdog;
        (void)tell(p, "WATCHDOG=1");
    }
}

void pulse_set_ready(struct pulse *p, bool ready) {
    if (!p)
        return;
    atomic_store(&p->ready, ready);
    pulse_beat(p);
}

int64_t pulse_due(const struct pulse *p) {
    return p && p->watchdog ? p->due : DEADLINE_NEVER;
}

bool pulse_alive(const struct pulse *p) {
    return clock_now() - atomic_load(&p->beat) < PULSE_AGE;
}

bool pulse_ready(const struct pulse *p) {
    return atomic_load(&p->ready) && !cancel_fired(p->end) && pulse_alive(p);
}
