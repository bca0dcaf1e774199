/*
 * configkinds: the part of muster.yaml below `kinds:`.
 *
 *     kinds:
 *       "EPYC 9654*":
 *         benchmarks:
 *           memory: {threshold: 90, reference: 400}
 *
 * The keys are shell wildcards (fnmatch(3)) for kinds of servers; of several that fit, the first
 * one in the file that says something of a benchmark counts, for each number by itself.
 */
#pragma once

#include "input/config.h"
#include "input/configkeys.h"

/* Reads the mapping into the kinds of the struct config at `into`. */
KEY_READER(read_kinds);

void config_kind_done(struct config_kind *k);
