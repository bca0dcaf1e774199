/*
 * tree: see tree.h.
 *
 * A process group catches what a command starts in the ordinary way, and nothing that called
 * setsid() or forked twice. So the agent is a child subreaper: an orphan below it becomes its
 * child, which means that every process it ever caused has a chain of parents that ends here, and
 * that waitpid() failing with ECHILD proves that none is left. What is left is found by a walk over
 * /proc. New processes may appear during a walk; so it is repeated until the proof is there.
 *
 * There is one thread, and no other part of the program waits for children.
 */
#include "tree.h"

#include "base/clock.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE (200 * CLOCK_MS)
#define PATIENCE (700 * CLOCK_MS)

struct process {
    pid_t pid;
    pid_t parent;
    bool below; /* this process */
};

void tree_adopt(void) {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

bool tree_reap(pid_t leader, int *status, bool *reaped) {
    for (;;) {
        int s;
        pid_t pid = waitpid(-1, &s, WNOHANG);
        if (pid > 0 && pid == leader) {
            *status = s;
            *reaped = true;
        }
        if (pid == 0)
            return true;
        if (pid < 0 && errno != EINTR)
            return false;
    }
}

/* The parent of `pid`, or -1. The command's name in the line may hold anything, brackets too. */
static pid_t parent_of(int proc, const char *pid) {
    char path[32], line[512];
    snprintf(path, sizeof(path), "%.16s/stat", pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, line, sizeof(line) - 1);
    close(fd);
    line[n > 0 ? n : 0] = '\0';
    const char *after = strrchr(line, ')');
    int parent;
    return after && sscanf(after + 1, " %*c %d", &parent) == 1 ? parent : -1;
}

/* Every process there is, in an array that the caller frees; NULL when that cannot be found out. */
static struct process *list_processes(size_t *count) {
    DIR *proc = opendir("/proc");
    if (!proc)
        return NULL;
    struct process *list = NULL;
    size_t n = 0, cap = 0;
    struct dirent *entry;
    while ((entry = readdir(proc))) {
        pid_t pid = atoi(entry->d_name);
        pid_t parent = pid > 0 ? parent_of(dirfd(proc), entry->d_name) : -1;
        if (parent < 0)
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 256;
            struct process *more = realloc(list, cap * sizeof(*list));
            if (!more)
                break;
            list = more;
        }
        list[n++] = (struct process){.pid = pid, .parent = parent};
    }
    closedir(proc);
    *count = n;
    return list;
}

static bool is_below(const struct process *list, size_t n, pid_t pid) {
    if (pid == getpid())
        return true;
    for (size_t i = 0; i < n; i++)
        if (list[i].below && list[i].pid == pid)
            return true;
    return false;
}

static void signal_all(int sig, pid_t leader) {
    size_t n = 0;
    cleanup(free_ptr) struct process *list = list_processes(&n);
    bool found = list != NULL;
    while (found) {
        found = false;
        for (size_t i = 0; i < n; i++) {
            if (list[i].below || !is_below(list, n, list[i].parent))
                continue;
            list[i].below = true;
            found = true;
            kill(list[i].pid, sig);
        }
    }
    if (leader > 0)
        kill(-leader, sig); /* where there is no /proc, this much can be done */
}

bool tree_kill(pid_t leader) {
    int status;
    bool reaped;
    int64_t start = clock_now();
    if (!tree_reap(0, &status, &reaped))
        return true;
    signal_all(SIGTERM, leader);
    for (int64_t pause = CLOCK_MS; tree_reap(0, &status, &reaped); pause *= 2) {
        int64_t passed = clock_now() - start;
        if (passed > PATIENCE)
            return false;
        if (passed > GRACE)
            signal_all(SIGKILL, leader);
        pause = pause < 16 * CLOCK_MS ? pause : 16 * CLOCK_MS;
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
    return true;
}
