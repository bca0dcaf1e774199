/*
 * ticket: whether the user has a Kerberos ticket, with which the ssh program might log in (GSSAPI).
 *
 * Threads: any thread.
 */
#pragma once

#include "sync/cancel.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Asks `klist -s`; where there is no klist, a cache of tickets in a file counts if it is there, and
 * one elsewhere is taken for one that has some. False when klist does not say before the deadline.
 */
bool ticket_is_there(const struct cancel *cancel, int64_t deadline);
