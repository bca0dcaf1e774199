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

/* The session is the agent's alone: it ends when the agent lets go of it. */
static void leave_session(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    close(null);
}

int job_start(struct job *j, void (*child)(void *arg, int in, int out), void *arg) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]), close(in[1]);
        return -1;
    }
    pid_t agent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        /* should the agent be killed itself, at least its child goes with it */
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != agent) /* it was, before the line above */
            _exit(127);
        setsid();
        leave_session();
        close(in[1]); /* or it would never see the end of what it reads */
        child(arg, in[0], out[1]);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    if (pid < 0) {
        close(in[1]), close(out[0]);
        return -1;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    *j = (struct job){.leader = pid, .in = in[1], .out = out[0]};
    return 0;
}

void job_go(struct job *j) {
    /* a pipe that nobody reads any more: its process has ended, which the wait will tell */
    if (j->in >= 0 && write(j->in, "g", 1) != 1) {
        close(j->in);
        j->in = -1;
    }
}

/* Reads once. Returns false when there is no more now; closes the pipe at its end. */
static bool read_output(struct job *j) {
    char buf[65536];
    ssize_t n = read(j->out, buf, sizeof(buf));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        close(j->out);
        j->out = -1;
        return false;
    }
    output_add(&j->output, buf, (size_t)n);
    return true;
}

/* Waits for one event and sees to it. */
static enum io_event step(struct io *io, struct job *j, int64_t deadline) {
    enum io_event event = io_wait(io, j->out, deadline);
    if (event == IO_READY)
        read_output(j);
    bool ran = !j->reaped;
    if (event == IO_CHILD)
        tree_reap(j->leader, &j->status, &j->reaped);
    if (ran && j->reaped)
        j->ended = clock_now();
    return event;
}

enum job_end job_wait(struct io *io, struct job *j, int64_t deadline) {
    while (!j->reaped) {
        enum io_event event = step(io, j, deadline);
        if (event == IO_ENDED)
            return JOB_ENDED;
        if (event == IO_TIMEOUT)
            return JOB_TIMEOUT;
    }
    int64_t drained = deadline_in(DRAIN);
    while (j->out >= 0) {
        enum io_event event = step(io, j, drained);
        if (event == IO_ENDED)
            return JOB_ENDED;
        if (event == IO_TIMEOUT)
            break;
    }
    return JOB_EXITED;
}

/* Whether a whole line has come; it loses its newline. The process prints one, then waits. */
static bool has_line(struct job *j) {
    struct str *line = &j->output.head;
    if (line->len == 0 || line->data[line->len - 1] != '\n')
        return false;
    line->data[--line->len] = '\0';
    return true;
}

enum job_end job_line(struct io *io, struct job *j, int64_t deadline, const struct job_tick *tick) {
    str_clear(&j->output.head);
    int64_t next = deadline_in(tick->every / 4); /* short ones are seen, too */
    while (!has_line(j)) {
        if (j->reaped)
            return JOB_EXITED;
        switch (step(io, j, deadline_min(next, deadline))) {
        case IO_ENDED:
            return JOB_ENDED;
        case IO_TIMEOUT:
            if (clock_now() >= deadline)
                return JOB_TIMEOUT;
            tick->tick(tick->arg);
            next = deadline_in(tick->every);
            break;
        case IO_CHILD:
            while (j->out >= 0 && read_output(j))
                ;
            break;
        case IO_READY:
        case IO_INPUT:
            break;
        }
    }
    return JOB_LINE;
}

void job_stop(struct job *j) {
    if (j->in >= 0)
        close(j->in);
    j->in = -1;
    tree_kill(j->leader);
    /* what the killed ones had left in the pipe, which is all there can be */
    for (int i = 0; j->out >= 0 && i < 64 && read_output(j); i++)
        ;
    if (j->out >= 0)
        close(j->out);
    j->out = -1;
}
