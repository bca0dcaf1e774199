/*
 * context: the fields that log_bind() has bound to the calling thread, packed for its records.
 */
#pragma once

#include "sync/record.h"

/* Borrowed until the thread binds or unbinds a key. */
struct packed context_packed(void);
