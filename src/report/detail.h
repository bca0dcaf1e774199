/*
 * detail: all that a run knows of one server, for people.
 */
#pragma once

#include "base/str.h"
#include "model/result.h"

/*
 * Appends the server's verdict, every benchmark with its metrics, trials, spread, conditions and
 * what the sensors saw, and the facts; then the same, without facts, of earlier attempts. Numbers
 * of bytes and the like are shown in units that fit.
 */
void detail_add(struct str *out, const char *server, const struct server_result *r);
