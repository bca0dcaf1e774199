/*
 * tree: the processes below this one, the agent or its guard; all of them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Makes orphans below this process its children, wherever they hide. Once, at the start. */
void tree_adopt(void);

/*
 * Reaps what has ended. Returns whether any child is left; when `leader` is among the reaped, its
 * wait status goes to *status and *reaped becomes true.
 */
bool tree_reap(pid_t leader, int *status, bool *reaped);

/*
 * Ends every process below this one: SIGTERM, 200 ms to go by themselves, then SIGKILL until none
 * is left, for 700 ms altogether (a process in an uninterruptible wait outlasts that). `leader` is
 * the session leader that was started last, or 0. Returns whether none is left.
 */
bool tree_kill(pid_t leader);
