/*
 * kinds: what `muster servers --kinds` prints.
 */
#pragma once

#include "model/server.h"

#include <stdbool.h>

/*
 * Prints the servers grouped by the kinds that they had in the newest run that measured them, one
 * kind a line, or as a JSON array. `servers`: these only; one that was never measured is of the
 * kind `unknown`. NULL: all that the store knows. Returns the exit status.
 */
int kinds_print(const char *store, const struct servers *servers, bool json);
