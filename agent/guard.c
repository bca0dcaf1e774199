/*
 * guard: see guard.h.
 *
 * The agent cleans up whatever ends it, but for what nobody can see coming: SIGKILL, the kernel out
 * of memory, a crash of its own. So it runs as the child of a process that does next to nothing,
 * and so has next to nothing to die of: the guard waits. Both are child subreapers. When the agent
 * has ended, however that was, all that it still had below itself has become the guard's children,
 * which ends them as the agent would have (tree.h), and removes the temporary directory, whose name
 * was chosen before there were two processes (tmpdir.h).
 *
 * Should the guard be killed, the kernel sends the agent SIGTERM, and the agent cleans up. It is a
 * session of its own, so that what kills the guard's process group does not kill both. Signals that
 * ask for an end go to the guard, since that is the process which others know, and are passed on.
 *
 * The guard closes its copies of standard input and output: the session's end is when the agent
 * closes them. It keeps standard error to say there what became of the agent, which muster puts
 * into its sentence; when the session is lost and the agent stays, that is closed, too, and a
 * hang-up no longer concerns them. Its exit status is the agent's, or 128 and the number of the
 * signal.
 */
#include "guard.h"

#include "base/attr.h"
#include "tmpdir.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTEMPTS 10 /* of most of a second each, where something does not die */

static pid_t guard; /* as its agent knows it */

/* No signal that is passed on may be ignored, or it would never arrive. */
static void hold_signals(sigset_t *set) {
    static const int signals[] = {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGUSR1};
    sigemptyset(set);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        signal(signals[i], SIG_DFL);
        sigaddset(set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, set, NULL);
}

static void become_agent(void) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (getppid() != guard) /* it was killed before the line above: there is nothing to clean up */
        _exit(1);
}

void guard_let_go(void) {
    if (getppid() == guard)
        kill(guard, SIGUSR1);
}

static void let_go(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    signal(SIGHUP, SIG_IGN); /* it is dropped then, even while it is blocked */
}

/* Returns the agent's wait status. */
static int wait_for_end(pid_t agent, const sigset_t *set) {
    int status = 0;
    bool ended = false;
    while (tree_reap(agent, &status, &ended) && !ended) {
        int sig = sigwaitinfo(set, NULL);
        if (sig == SIGUSR1)
            let_go();
        else if (sig > 0 && sig != SIGCHLD)
            kill(agent, sig);
    }
    return status;
}

static void clean_up(void) {
    for (int i = 0; i < ATTEMPTS && !tree_kill(0); i++)
        ;
    tmpdir_remove();
}

int guard_start(void) {
    sigset_t set;
    guard = getpid();
    tree_adopt();
    tmpdir_choose();
    hold_signals(&set);
    pid_t agent = fork();
    if (agent < 0)
        return -1;
    if (agent == 0) {
        become_agent();
        tree_adopt();
        return 0;
    }
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    int status = wait_for_end(agent, &set);
    signal(SIGPIPE, SIG_IGN); /* sshd may be gone, too */
    if (WIFSIGNALED(status))
        dprintf(STDERR_FILENO, "muster agent: killed by signal %d (%s)\n", WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    clean_up();
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
