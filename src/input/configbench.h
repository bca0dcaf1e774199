/*
 * configbench: the part of muster.yaml below `benchmarks:`.
 */
#pragma once

#include "input/config.h"
#include "input/configkeys.h"

/* Reads the mapping into the benchmarks of the struct config at `into`. */
KEY_READER(read_benchmarks);

void config_benchmark_done(struct config_benchmark *b);
