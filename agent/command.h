/*
 * command: runs a command of the user's.
 */
#pragma once

#include "io.h"
#include "json.h"

/* Answers a request of type `command` into *out; nothing when the session has ended meanwhile. */
void command_run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
                 struct str *out);
