/*
 * sshmatch: the line of a Match in ssh_config(5).
 */
#pragma once

#include "base/error.h"
#include "input/sshrules.h"

/*
 * Reads all that follows the word Match. *words belongs to the caller; the criteria borrow from it.
 * Fails with ERROR_USAGE and OpenSSH's words, and with ERROR_INTERNAL.
 */
int ssh_match_read(const char *text, struct ssh_words *words, struct ssh_criterion **criteria,
                   size_t *count, struct error *err) must_use;
