/*
 * why: what is different about a server that falls behind.
 *
 * Its facts and sensors are held against those of its peers: the servers of its kind that passed
 * and that nothing was found on. Told is what few of them share (at most one in ten), where most of
 * them agree on something else; of a sensor, what is worse than nine in ten of them and by more
 * than they differ. What matters for speed comes first (governor, memory, links, heat), names and
 * versions behind it, and among equals what the fewest share. It is a difference, not a cause.
 *
 * Each is a JSON object: {"what": "cpu_governor", "value": "powersave", "peers": "performance",
 * "sharing": 0, "of": 31, "detail": "governor powersave (peers: performance, 31 of 31)"}. `sharing`
 * of the `of` peers that tell have the same value. With fewer than three peers nothing is told.
 *
 * Pure. Rows of the traits are those of the cohort.
 */
#pragma once

#include "policy/cohort.h"
#include "policy/traits.h"

#include <sys/types.h>

/*
 * Marks the rows whose traits why_tell() looks at: those of the kinds of which there is a server to
 * tell of. Returns how many, or -1: ERROR_INTERNAL.
 */
ssize_t why_concerns(const struct cohort *c, const bool *found, bool *concerned,
                     struct error *err) must_use;

/*
 * Fills why[] of each row with a JSON array that the caller frees, most telling first; NULL where
 * there is nothing to tell. Told are the rows that failed and those that are marked in `found`
 * (one a row: something was found on it; NULL: on none). Fails with ERROR_INTERNAL and all NULL.
 */
int why_tell(const struct cohort *c, const struct traits *t, const bool *found, char **why,
             struct error *err) must_use;
