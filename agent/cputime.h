/*
 * cputime: what the CPUs that this process may run on did, and for whom.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* At one moment; only differences between two mean something. In ns, summed over those CPUs. */
struct cputime {
    int64_t when;  /* clock_now() */
    int64_t busy;  /* spent in processes and in the kernel for them, not in interrupts */
    int64_t own;   /* of `busy`, by this process, `leader` and what is below them */
    int64_t steal; /* wanted, and given to others by the hypervisor */
};

struct cpushares {
    double others; /* of the CPUs' time, 0 to 1: taken by other processes; NAN: not known */
    double own;    /* by ours */
    double steal;  /* taken by the hypervisor; NAN: not known */
};

/* Opens what is read. Nothing of it is known when that fails. */
void cputime_open(void);
void cputime_close(void);

/* `leader` may be 0. */
void cputime_read(pid_t leader, struct cputime *ret);

/* What happened between two moments. Impossible figures are not known. */
struct cpushares cputime_between(const struct cputime *from, const struct cputime *to);
