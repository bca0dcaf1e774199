/*
 * child: see child.h.
 *
 * A program that has ended is looked at with WNOWAIT and reaped only after its group was killed:
 * while it is a zombie its process id, and so that of its group, cannot be given to anyone else.
 *
 * Where the kernel has no pidfd (before 5.3, or forbidden in a container) the end of the program is
 * looked for every few milliseconds.
 */
#include "transport/child.h"

#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_KILL (800 * CLOCK_MS)
#define NO_PIDFD_STEP (5 * CLOCK_MS)

void child_take(struct child *c, pid_t pid) {
    *c = (struct child){.pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0)};
}

bool child_has_ended(const struct child *c, int *status) {
    siginfo_t info = {0};
    int rc;
    do
        rc = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    while (rc != 0 && errno == EINTR);
    if (rc == 0 && info.si_pid == 0)
        return false;
    if (rc != 0)
        *status = -1; /* whoever started muster ignores SIGCHLD: the kernel has reaped it */
    else
        *status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return true;
}

bool child_ends_by(const struct child *c, int64_t deadline) {
    int status;
    while (!child_has_ended(c, &status)) {
        int64_t left = deadline - clock_now();
        if (left <= 0)
            return false;
        struct pollfd fd = {.fd = c->pidfd, .events = POLLIN};
        struct timespec t =
            deadline_timespec(c->pidfd < 0 ? deadline_min(left, NO_PIDFD_STEP) : left);
        ppoll(&fd, 1, &t, NULL);
    }
    return true;
}

void child_bury(struct child *c) {
    kill(-c->pid, SIGKILL);
    /* one that hangs in the kernel is left to init, which gets it when muster ends */
    if (child_ends_by(c, deadline_in(GRACE_KILL)))
        waitpid(c->pid, NULL, WNOHANG);
    c->pid = 0;
    fd_close(&c->pidfd);
}
