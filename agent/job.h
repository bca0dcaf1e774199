/*
 * job: runs one request in a process of its own and takes what it prints.
 *
 * Benchmarks and commands both run this way: a crash, a deadline or the end of the session stops
 * them from outside, whatever they are doing.
 */
#pragma once

#include "io.h"

#include <stdint.h>

struct job {
    void (*child)(void *arg, int out); /* runs in the new process and never returns */
    void *arg;
    int64_t deadline;
    size_t output_limit; /* what is printed beyond is read and dropped */
};

enum job_end {
    JOB_EXITED,
    JOB_TIMEOUT,
    JOB_ENDED, /* the session is over */
    JOB_FAILED /* could not be started; errno tells */
};

struct job_result {
    int status; /* as waitpid() has it */
    int64_t ns; /* until its leader ended, of JOB_EXITED */
    struct str output;
    bool truncated;
};

/*
 * When it returns, nothing that the job started is left. The caller frees ret->output in any case.
 */
enum job_end job_run(struct io *io, const struct job *job, struct job_result *ret);
