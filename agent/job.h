/*
 * job: a process of its own for a request, and what it prints.
 *
 * Benchmarks and commands both run this way: a crash, a deadline or the end of the session stops
 * them from outside, whatever they are doing.
 */
#pragma once

#include "io.h"
#include "output.h"

#include <stdint.h>
#include <sys/types.h>

struct job {
    pid_t leader;
    int in;  /* write end of what the process reads, -1: closed */
    int out; /* read end of what it prints, -1: at its end */
    struct output output;
    bool reaped;
    int status;    /* as waitpid() has it, once reaped */
    int64_t ended; /* when that was */
};

enum job_end {
    JOB_LINE,   /* a line is there, job_line() only */
    JOB_EXITED, /* the process has ended */
    JOB_TIMEOUT,
    JOB_ENDED /* the session is over */
};

/* Called about every `every` ns while a job is waited for. */
struct job_tick {
    int64_t every;
    void (*tick)(void *arg);
    void *arg;
};

/*
 * Starts child(arg, in, out) in a new process, which never returns from it. Nothing of what it
 * prints is kept beyond the limits that j->output is given after this. Returns 0, or -1 with errno.
 */
int job_start(struct job *j, void (*child)(void *arg, int in, int out), void *arg);

/* Tells the process to go on: writes one byte to it. */
void job_go(struct job *j);

/* Waits for the end of the process, and takes what it prints. */
enum job_end job_wait(struct io *io, struct job *j, int64_t deadline);

/*
 * Waits for the next line into j->output.head, without its newline and cut at the limit, or for the
 * end of the process.
 */
enum job_end job_line(struct io *io, struct job *j, int64_t deadline, const struct job_tick *tick);

/* When it returns, nothing that the job started is left. Takes what was still printed. */
void job_stop(struct job *j);
