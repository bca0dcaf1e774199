/*
 * password: asked for on the terminal, without showing it.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* Whether there is a terminal to ask on, and muster is not in its background. */
bool password_can_ask(void);

/*
 * Shows `prompt` and reads a line. Fails with ERROR_USAGE when there is no terminal, or nothing was
 * typed. Free with password_free().
 */
int password_ask(const char *prompt, char **ret, struct error *err) must_use;

/* Overwrites and frees it. NULL is allowed. */
void password_free(char *password);
