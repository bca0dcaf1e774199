/*
 * password: asked for once, on the terminal, without showing it.
 */
#pragma once

#include "base/error.h"

/* Fails with ERROR_USAGE when there is no terminal to ask on. Free with password_free(). */
int password_ask(char **ret, struct error *err) must_use;

/* Overwrites and frees it. NULL is allowed. */
void password_free(char *password);
