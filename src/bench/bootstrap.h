/*
 * bootstrap: the one remote command that ends in a running agent.
 *
 * What it says on its standard output is the protocol of wire/wire.h:
 *   - the hello of the agent, when the server has it already; or
 *   - `need`: send exactly the bytes of that architecture's image, nothing else before the hello,
 *     which follows; or
 *   - `error` with id 0 and the reason `unsupported`, and it ends.
 * Before these lines there may be others, of a login shell that greets.
 *
 * Pure; any thread.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define BOOTSTRAP_MAX 4096 /* the command line is shorter */

/*
 * Whether agents can be put below this directory by way of a command line: an absolute path without
 * quotes, backslashes, exclamation marks and control characters, of at most 512 bytes.
 */
bool bootstrap_directory_valid(const char *directory);

/*
 * Appends the command line, for any login shell. The run's id consists of letters, digits, `-`, `_`
 * and `.`, 64 at most. `directory` is the only one to put the agent below, or NULL for the first
 * that will do of the usual ones. What is not so marks *out as failed. An upload that takes longer
 * than `upload_timeout` (ns, rounded up to seconds) is given up on the server, too.
 */
void bootstrap_add_command(struct str *out, const char *run_id, const char *directory,
                           int64_t upload_timeout);
