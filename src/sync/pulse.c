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
    atomic_int lacking;  /* of its parts: those that are not ready */
    struct pulse *whole; /* that it is a part of, or NULL */

    /* the main loop's */
    struct sockaddr_un address;
    socklen_t address_size; /* 0: nobody asked to be told */
    int fd;
    bool told_ready, told_end;
    int64_t watchdog; /* ns between two words that it comes round; 0: nobody asked */
    int64_t due;      /* of the next one */
    int64_t told;     /* when the last one was */
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
    if (!p)
        return;
    if (p->whole && !atomic_load(&p->ready))
        atomic_fetch_sub(&p->whole->lacking, 1);
    fd_close(&p->fd);
    free(p);
}

int pulse_new_part(struct pulse *whole, struct pulse **ret, struct error *err) {
    struct pulse *p = calloc(1, sizeof(*p));
    if (!p)
        return error_memory(err);
    p->fd = -1;
    p->end = whole->end;
    p->whole = whole;
    p->watchdog = whole->watchdog;
    atomic_store(&p->ready, true);
    pulse_beat(p);
    *ret = p;
    return 0;
}

static bool is_ready(const struct pulse *p) {
    return atomic_load(&p->ready) && atomic_load(&p->lacking) == 0;
}

/* The slowest loop has last come round at `beat`. It is no use to say so again of the same time. */
static void beat_at(struct pulse *p, int64_t beat) {
    int64_t now = clock_now();
    atomic_store(&p->beat, beat);
    if (!p->told_ready && is_ready(p))
        p->told_ready = tell(p, "READY=1");
    if (!p->told_end && cancel_fired(p->end))
        p->told_end = tell(p, "STOPPING=1");
    if (p->watchdog && now >= p->due && beat > p->told) {
        p->told = now;
        p->due = now + p->watchdog;
        (void)tell(p, "WATCHDOG=1");
    }
}

void pulse_beat(struct pulse *p) {
    if (p)
        beat_at(p, clock_now());
}

void pulse_gather(struct pulse *whole, struct pulse *const *parts, size_t n) {
    int64_t beat = clock_now();
    for (size_t i = 0; i < n; i++)
        beat = deadline_min(beat, atomic_load(&parts[i]->beat));
    beat_at(whole, beat);
}

void pulse_set_ready(struct pulse *p, bool ready) {
    if (!p)
        return;
    bool was = atomic_exchange(&p->ready, ready);
    if (p->whole && was != ready)
        atomic_fetch_add(&p->whole->lacking, ready ? -1 : 1);
    if (p->whole && ready)
        atomic_store(&p->whole->ready, true);
    pulse_beat(p);
}

int64_t pulse_due(const struct pulse *p) {
    return p && p->watchdog ? p->due : DEADLINE_NEVER;
}

bool pulse_alive(const struct pulse *p) {
    return clock_now() - atomic_load(&p->beat) < PULSE_AGE;
}

bool pulse_ready(const struct pulse *p) {
    return is_ready(p) && !cancel_fired(p->end) && pulse_alive(p);
}
