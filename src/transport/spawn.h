/*
 * spawn: starts a program with pipes to its standard input, output and error.
 */
#pragma once

#include <sys/types.h>

/* Our ends: we write IN, and read OUT and ERR. Not blocking, close-on-exec, -1 when closed. */
enum { SPAWN_IN, SPAWN_OUT, SPAWN_ERR, SPAWN_PIPES };

/*
 * Runs argv[0], found along PATH. It gets a session and process group of its own, whose number is
 * *pid, default signal dispositions, an empty signal mask, and no descriptor but the three. Returns
 * 0 or an errno; on failure nothing runs and no pipe is open. Any thread.
 */
int spawn_program(char *const *argv, int pipes[SPAWN_PIPES], pid_t *pid);

/* Closes those that are open. */
void spawn_close(int pipes[SPAWN_PIPES]);

/*
 * As spawn_program(), with the three descriptors `theirs` for its own, which stay open here and
 * must be above 2 (spawn_lift()), and the environment `env`.
 */
int spawn_on(char *const *argv, char *const *env, const int theirs[SPAWN_PIPES], pid_t *pid);

/*
 * Moves a descriptor above those that a program starts with: one below 3 (muster was started with
 * one of them closed) would be overwritten by another in the new program. Returns 0, or -1 with
 * errno.
 */
int spawn_lift(int *fd);
