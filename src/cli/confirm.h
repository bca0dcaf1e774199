/*
 * confirm: a question before something is replaced.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/*
 * Asks `question` on the terminal; `yes` is that it was answered on the command line. Returns 1
 * for yes, 0 for anything else, or -1: ERROR_USAGE when standard input is no terminal.
 */
int confirm(const char *question, bool yes, struct error *err) must_use;
