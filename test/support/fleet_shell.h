/*
 * fleet_shell: the little of a shell that a simulated server needs for plain commands.
 *
 * Simple commands with `;` or newlines between, words in quotes or without, `$?`, and the commands
 * true, false, `:`, echo, exit, sleep and sh -c. What else is asked for is not found, with status
 * 127. Pure: a sleep is told, not slept.
 */
#pragma once

#include "base/str.h"

struct shell {
    struct str out;
    struct str err;
    int status;
    int64_t sleep; /* ns before the answer */
};

void shell_run(struct shell *sh, const char *script);
void shell_done(struct shell *sh);
