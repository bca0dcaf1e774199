/*
 * job: see job.h.
 *
 * The process is a session leader, so that no terminal's signals reach it and its group can be
 * killed. The job is over when that leader ends, not when its output does: a background process
 * that inherited the output could keep it open for ever. What such a process still has to say is
 * read for a moment, then it is killed.
 */
#include "job.h"

#include "base/clock.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DRAIN (100 * CLOCK_MS)

static pid_t start(const struct job *job, int *out) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid_t agent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        /* should the agent be killed itself, at least its child goes with it */
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != agent) /* it was, before the line above */
            _exit(127);
        setsid();
        job->child(job->arg, fds[1]);
        _exit(127);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return -1;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *out = fds[0];
    return pid;
}

/* Reads once. Returns false when there is no more now; closes *fd at its end. */
static bool read_output(int *fd, size_t limit, struct job_result *r) {
    char buf[65536];
    ssize_t n = read(*fd, buf, sizeof(buf));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        close(*fd);
        *fd = -1;
        return false;
    }
    size_t room = limit - r->output.len;
    size_t keep = (size_t)n < room ? (size_t)n : room;
    str_add_bytes(&r->output, buf, keep);
    r->truncated |= keep < (size_t)n;
    return true;
}

/* Until the leader has ended and its output has been taken. */
static enum job_end follow(struct io *io, const struct job *job, pid_t leader, int *out,
                           struct job_result *r) {
    int64_t begin = clock_now();
    bool reaped = false;
    while (!reaped) {
        enum io_event event = io_wait(io, *out, job->deadline);
        if (event == IO_ENDED)
            return JOB_ENDED;
        if (event == IO_TIMEOUT)
            return JOB_TIMEOUT;
        if (event == IO_READY)
            read_output(out, job->output_limit, r);
        if (event == IO_CHILD)
            tree_reap(leader, &r->status, &reaped);
    }
    r->ns = clock_now() - begin;
    int64_t deadline = deadline_in(DRAIN);
    while (*out >= 0) {
        enum io_event event = io_wait(io, *out, deadline);
        if (event == IO_ENDED)
            return JOB_ENDED;
        if (event == IO_TIMEOUT)
            break;
        if (event == IO_READY)
            read_output(out, job->output_limit, r);
    }
    return JOB_EXITED;
}

enum job_end job_run(struct io *io, const struct job *job, struct job_result *ret) {
    *ret = (struct job_result){0};
    int out = -1;
    pid_t leader = start(job, &out);
    if (leader < 0)
        return JOB_FAILED;
    enum job_end end = follow(io, job, leader, &out, ret);
    tree_kill(leader);
    /* what the killed ones had left in the pipe, which is all there can be */
    for (int i = 0; out >= 0 && i < 64 && read_output(&out, job->output_limit, ret); i++)
        ;
    if (out >= 0)
        close(out);
    return end;
}
