/*
 * child: the end of a program that was started with a process group of its own (transport/spawn.h).
 *
 * Threads: a child belongs to one thread.
 */
#pragma once

#include "base/clock.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid; /* 0: none */
    int pidfd; /* -1: the kernel has none */
};

/* Takes charge of a program that was started. */
void child_take(struct child *c, pid_t pid);

/*
 * Whether it has ended, and how: *status is its exit status, 128+N when signal N ended it, or -1
 * where that cannot be known. It stays a zombie, so that its process id remains its own.
 */
bool child_has_ended(const struct child *c, int *status);

/* Waits for its end. */
bool child_ends_by(const struct child *c, int64_t deadline);

/* Kills what is left of its group and reaps the program, which has ended or is about to. */
void child_bury(struct child *c);
