/*
 * facts: what kind of machine this is.
 */
#pragma once

#include "base/str.h"

/*
 * Appends a JSON object. What cannot be found out, for want of a file or of a right, is null.
 * `lock` is whether the server-wide lock works here.
 */
void facts_add(struct str *out, bool lock);
