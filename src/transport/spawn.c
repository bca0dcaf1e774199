/*
 * spawn: see spawn.h.
 *
 * posix_spawn() and not fork(): a process with ten thousand threads' memory need not be copied, and
 * no code of ours runs in a child of a threaded process. All pipes are close-on-exec from their
 * birth, so a program that another thread starts at the same time does not hold their ends open.
 */
#include "transport/spawn.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

int spawn_lift(int *fd) {
    if (*fd > STDERR_FILENO)
        return 0;
    int higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (higher < 0)
        return -1;
    fd_close(fd);
    *fd = higher;
    return 0;
}

static int make_pipes(int ours[SPAWN_PIPES], int theirs[SPAWN_PIPES]) {
    for (int i = 0; i < SPAWN_PIPES; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return -1;
        ours[i] = ends[i == SPAWN_IN ? 1 : 0];
        theirs[i] = ends[i == SPAWN_IN ? 0 : 1];
        if (spawn_lift(&theirs[i]) != 0 || fcntl(ours[i], F_SETFL, O_NONBLOCK) != 0)
            return -1;
    }
    return 0;
}

void spawn_close(int pipes[SPAWN_PIPES]) {
    for (int i = 0; i < SPAWN_PIPES; i++)
        fd_close(&pipes[i]);
}

static int spawn_prepared(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr,
                          char *const *argv, char *const *env, const int theirs[SPAWN_PIPES],
                          pid_t *pid) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
    for (int i = 0; rc == 0 && i < SPAWN_PIPES; i++)
        rc = posix_spawn_file_actions_adddup2(actions, theirs[i], i);
    /* not every library opens its descriptors close-on-exec */
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return rc == 0 ? posix_spawnp(pid, argv[0], actions, attr, argv, env) : rc;
}

int spawn_on(char *const *argv, char *const *env, const int theirs[SPAWN_PIPES], pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = spawn_prepared(&actions, &attr, argv, env, theirs, pid);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

int spawn_program(char *const *argv, int pipes[SPAWN_PIPES], pid_t *pid) {
    int theirs[SPAWN_PIPES] = {-1, -1, -1};
    int rc = make_pipes(pipes, theirs) == 0 ? spawn_on(argv, environ, theirs, pid) : errno;
    spawn_close(theirs);
    if (rc != 0)
        spawn_close(pipes);
    return rc;
}
