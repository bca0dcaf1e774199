/*
 * lock: see lock.h.
 *
 * The lock is made of abstract Unix sockets, which are names without files: the kernel drops them
 * with the process that bound them, however it ends, so nothing stale can be left, no directory has
 * to be writable, and agents of different users see each other.
 *
 *   muster-run:RUN:PID   bound by an agent that measures for RUN, until it ends. Any number of one
 *                        run may be there: several names may lead to one machine, and a run decides
 *                        by its fan-out how much it does at once.
 *   muster-agent-lock    held for the moment between looking for other runs in /proc/net/unix and
 *                        binding the own name, so that two runs cannot both find nobody.
 *
 * The names live in a network namespace: containers that do not share one do not see each other.
 */
#include "lock.h"

#include "base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAMES "/proc/net/unix"
#define PREFIX "muster-run:"
#define PATIENCE (2 * CLOCK_S) /* a run that has just ended takes up to a second to be gone */
#define LOOK_FIRST (20 * CLOCK_MS)
#define LOOK_LONGEST (500 * CLOCK_MS) /* who looks for long must not disturb what is measured */

bool lock_run_valid(const char *run) {
    size_t n = strlen(run);
    return n > 0 && n <= LOCK_RUN_MAX &&
           strspn(run, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

bool lock_works(void) {
    return access(NAMES, R_OK) == 0;
}

/* A socket with the abstract name, or -1 with errno. */
static int bind_name(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(address.sun_path + 1, name, n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* The name of this agent, once it is bound, and the socket that holds it. */
static int held = -1;
static int64_t deadline; /* of waiting for the lock */
static char own[sizeof(PREFIX) + LOCK_RUN_MAX + 16];

/*
 * Finds the name of another agent, of `run` or of any other run. Returns 1 with its run and
 * process, 0, or -1.
 */
static int find(const char *run, bool same, char other[LOCK_RUN_MAX + 1], int *pid) {
    FILE *f = fopen(NAMES, "re");
    if (!f)
        return -1;
    char line[512];
    int found = 0;
    while (!found && fgets(line, sizeof(line), f)) {
        char *name = strstr(line, " @" PREFIX);
        if (!name || sscanf(name + 2, PREFIX "%64[^: ]:%d", other, pid) != 2)
            continue;
        name[strcspn(name, "\n")] = '\0';
        found = (strcmp(other, run) == 0) == same && strcmp(name + 2, own) != 0;
    }
    fclose(f);
    return found;
}

/* One try. Returns 0, or -1: `busy`, or what cannot change by waiting. */
static int try(const char *run, struct failure *f) {
    char name[sizeof(own)], other[LOCK_RUN_MAX + 1];
    int mutex = bind_name("muster-agent-lock");
    if (mutex < 0 && errno == EADDRINUSE)
        return failure_set(f, "busy", "another process holds the server's lock");
    if (mutex < 0)
        return failure_set(f, "internal", "the server's lock: %s", strerror(errno));
    snprintf(name, sizeof(name), PREFIX "%s:%d", run, (int)getpid());
    int pid;
    bool alone = find(run, false, other, &pid) != 1;
    bool bound = alone && (held = bind_name(name)) >= 0;
    int os = errno;
    close(mutex);
    if (bound)
        memcpy(own, name, sizeof(own));
    else if (alone)
        return failure_set(f, "internal", "the server's lock: %s", strerror(os));
    else
        return failure_set(f, "busy", "run %s is measuring on this server (process %d)", other,
                           pid);
    return 0;
}

/* Says how long it was waited for, or how to have it waited for. */
static void add_wait(struct failure *f, int64_t busy_wait) {
    size_t n = strlen(f->detail);
    if (busy_wait > 0)
        snprintf(f->detail + n, sizeof(f->detail) - n, ", still after %g s",
                 (double)busy_wait / 1e9);
    else
        snprintf(f->detail + n, sizeof(f->detail) - n, ": --busy-wait 10m would wait for it");
}

int lock_take(struct io *io, const char *run, struct failure *f) {
    if (own[0] || !lock_works())
        return 0;
    int64_t busy_wait = io->lease.busy_wait;
    if (!deadline)
        deadline = deadline_in(busy_wait > PATIENCE ? busy_wait : PATIENCE);
    for (int64_t pause = LOOK_FIRST; try(run, f) != 0; pause *= 2) {
        if (strcmp(f->reason, "busy") != 0)
            return -1;
        int64_t left = deadline - clock_now();
        if (left <= 0) {
            add_wait(f, busy_wait);
            return -1;
        }
        pause = deadline_min(pause, LOOK_LONGEST);
        if (!io_sleep(io, deadline_min(pause, left)))
            return -1;
    }
    return 0;
}

void lock_release(void) {
    if (held >= 0)
        close(held);
    held = -1;
    own[0] = '\0';
    deadline = 0;
}

bool lock_shared(void) {
    char run[LOCK_RUN_MAX + 1], other[LOCK_RUN_MAX + 1];
    int pid;
    return sscanf(own, PREFIX "%64[^:]", run) == 1 && find(run, true, other, &pid) == 1;
}
