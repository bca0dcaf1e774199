/*
 * capture: see capture.h. Any thread; the program is reaped by its id, so no SIGCHLD is needed.
 *
 * posix_spawn() rather than fork(): a copy of a process of many threads may not even allocate, and
 * costs the more the larger the process is.
 */
#include "input/capture.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_KILL (800 * CLOCK_MS)

struct pipe {
    int ends[2];
};

static void close_pipe(struct pipe *p) {
    fd_close(&p->ends[0]);
    fd_close(&p->ends[1]);
}

static int spawn(const char *path, char *const argv[], int out, int errors, pid_t *ret) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    static const int signals[] = {SIGPIPE, SIGINT,  SIGQUIT, SIGTERM,
                                  SIGHUP,  SIGCHLD, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&usual, signals[i]);
    if (posix_spawn_file_actions_init(&actions))
        return ENOMEM;
    if (posix_spawnattr_init(&attr)) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    int rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, errors, 2);
    if (!rc) /* not every descriptor of a library is closed on exec */
        rc = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!rc)
        rc = posix_spawnp(ret, path, &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Reads once into *to. Returns 0 at the end of the pipe, -1 with errno when it cannot be read. */
static int drain(int fd, size_t max, struct str *to) {
    char bytes[8192];
    ssize_t n = read(fd, bytes, sizeof(bytes));
    if (n < 0)
        return errno == EINTR ? 1 : -1;
    size_t room = to->len < max ? max - to->len : 0;
    str_add_bytes(to, bytes, (size_t)n < room ? (size_t)n : room);
    return n > 0;
}

static int check_time(const struct cancel *cancel, int64_t deadline, struct error *err) {
    if (cancel_fired(cancel))
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    return clock_now() < deadline ? 0 : error_set(err, ERROR_TIMEOUT, "it did not end in time");
}

/* The third of the descriptors is the cancel token's. */
static int read_both(struct pollfd fds[3], size_t max, struct str *to[2],
                     const struct cancel *cancel, int64_t deadline, struct error *err) {
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        int ready = poll(fds, 3, deadline_left_ms(deadline));
        if (ready < 0 && errno != EINTR)
            return error_os(err, ERROR_INTERNAL, errno, "cannot wait for its output");
        if (check_time(cancel, deadline, err) < 0)
            return -1;
        for (int i = 0; ready > 0 && i < 2; i++) {
            if (!fds[i].revents)
                continue;
            int more = drain(fds[i].fd, max, to[i]);
            if (more < 0)
                return error_os(err, ERROR_INTERNAL, errno, "cannot read its output");
            if (!more)
                fds[i].fd = -1;
        }
    }
    return to[0]->failed || to[1]->failed ? error_memory(err) : 0;
}

/* A program may live on after it has closed its output, so this wait has the deadline, too. */
static int reap(pid_t pid, const struct cancel *cancel, int64_t deadline, int *status,
                struct error *err) {
    for (int64_t pause = 50 * CLOCK_US;; pause += pause < 10 * CLOCK_MS ? pause : 0) {
        pid_t got = waitpid(pid, status, WNOHANG);
        if (got == pid)
            return 0;
        if (got < 0 && errno != EINTR)
            return error_os(err, ERROR_INTERNAL, errno, "cannot wait for its end");
        if (check_time(cancel, deadline, err) < 0)
            return -1;
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
}

/* One that hangs in the kernel is left to init, which gets it when muster ends. */
static void end_group(pid_t pid) {
    int64_t deadline = deadline_in(GRACE_KILL);
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, WNOHANG) == 0 && clock_now() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = CLOCK_MS}, NULL);
}

int capture_run_max(const char *path, char *const argv[], const struct cancel *cancel,
                    int64_t deadline, size_t max, struct str *out, struct str *errors, int *status,
                    struct error *err) {
    cleanup(close_pipe) struct pipe a = {{-1, -1}}, b = {{-1, -1}};
    if (pipe2(a.ends, O_CLOEXEC) < 0 || pipe2(b.ends, O_CLOEXEC) < 0)
        return error_os(err, ERROR_INTERNAL, errno, "no pipe for %s", path);
    pid_t pid;
    int rc = spawn(path, argv, a.ends[1], b.ends[1], &pid);
    if (rc == ENOENT || rc == EACCES || rc == ENOEXEC || rc == ENOTDIR)
        return error_os(err, ERROR_TOOL_MISSING, rc, "cannot execute %s", path);
    if (rc)
        return error_os(err, ERROR_INTERNAL, rc, "cannot start %s", path);
    fd_close(&a.ends[1]);
    fd_close(&b.ends[1]);
    struct pollfd fds[3] = {
        {a.ends[0], POLLIN, 0}, {b.ends[0], POLLIN, 0}, {cancel_fd(cancel), POLLIN, 0}};
    if (read_both(fds, max, (struct str *[2]){out, errors}, cancel, deadline, err) < 0 ||
        reap(pid, cancel, deadline, status, err) < 0) {
        end_group(pid);
        return error_prefix(err, "%s", path);
    }
    return 0;
}

int capture_run(const char *path, char *const argv[], const struct cancel *cancel, int64_t deadline,
                struct str *out, struct str *errors, int *status, struct error *err) {
    return capture_run_max(path, argv, cancel, deadline, CAPTURE_MAX, out, errors, status, err);
}
