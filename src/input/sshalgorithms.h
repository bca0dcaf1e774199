/*
 * sshalgorithms: the lists of algorithms in ssh_config(5), against those that OpenSSH has itself.
 *
 * Names and defaults are those of OpenSSH 9.2, and the names that came up to 9.9.
 */
#pragma once

#include "base/error.h"
#include "input/sshkeywords.h"

#include <stdbool.h>

/*
 * Whether OpenSSH takes the argument of a keyword with this syntax: names that it knows, for key
 * types also patterns, behind an optional '+' or '^'; behind a '-' anything.
 */
bool ssh_algorithms_valid(enum ssh_syntax syntax, const char *argument);

/*
 * The list that the argument makes out of OpenSSH's own: itself, or with a '+' appended to it, with
 * a '-' taken out of it, with a '^' put before it. *ret is NULL when that is OpenSSH's own list.
 * Only for keywords that have such a list. Fails with ERROR_UNREACHABLE when nothing is left or a
 * pattern is negated, and with ERROR_INTERNAL.
 */
int ssh_algorithms_make(enum ssh_keyword keyword, const char *argument, char **ret,
                        struct error *err) must_use;
