/*
 * jsontext: JSON texts, read whole or not at all.
 *
 * Threads: any thread. Floor 3.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>

/*
 * Reads an array or an object; the caller lets go of it. NULL and ERROR_BAD_OUTPUT with what is
 * wrong and where, or ERROR_INTERNAL when memory ran out. A NULL text is no JSON.
 */
json_t *jsontext_read(const char *text, struct error *err) must_use;
