/*
 * sshcommands: the commands of `Match exec`, each run once.
 *
 * Threads: any. Those that ask for the same command at once wait for one run of it.
 */
#pragma once

#include "base/error.h"
#include "sync/cancel.h"

#include <stdbool.h>
#include <stdint.h>

struct ssh_commands;

/* `cancel` is borrowed. Fails with ERROR_INTERNAL. */
int ssh_commands_new(const struct cancel *cancel, struct ssh_commands **ret,
                     struct error *err) must_use;
void ssh_commands_free(struct ssh_commands *c);

/*
 * Whether the user's shell runs the command and it ends with status 0. What it prints is dropped.
 * A failure is not kept: ERROR_UNREACHABLE when it ends by a signal or there is no shell,
 * ERROR_TIMEOUT at the deadline, ERROR_INTERRUPTED when the token fires, and ERROR_INTERNAL.
 */
int ssh_commands_succeeds(struct ssh_commands *c, const char *command, int64_t deadline, bool *ret,
                          struct error *err) must_use;
