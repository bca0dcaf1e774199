/*
 * patience: a shared store that cannot be reached for a while is waited for. The orchestrator's.
 */
#pragma once

#include "base/error.h"
#include "sync/ending.h"
#include "sync/pulse.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* {0}, but for the pulse, before anything has gone wrong. */
struct patience {
    int64_t since; /* of clock_now(): it cannot be reached; 0: it can */
    int tries;
    struct pulse *pulse; /* is ready while the store answers; NULL: nobody feels it */
};

/*
 * Whether that is the store's answer, rc and *err. False, after a pause that grows from one failure
 * to the next, when it is to be asked again: it could not be reached (err->os is ECONNRESET), and
 * the moment that an ending leaves is not over. The log has a line when that begins and one when it
 * is over.
 */
bool patience_answered(struct patience *p, const struct ending *ending, ssize_t rc,
                       const struct error *err) must_use;
