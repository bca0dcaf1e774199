/*
 * configbench: the part of muster.yaml below `benchmarks:`.
 */
#pragma once

#include "input/config.h"
#include "input/configkeys.h"

/* Reads the mapping into the benchmarks of the struct config at `into`. */
KEY_READER(read_benchmarks);

/*
 * Says that there is no such benchmark, which of those that are built in, or have a command in `c`
 * (NULL: none has), is near, and what else can be done.
 */
void config_unknown_benchmark(struct reader *r, const struct yaml_node *name,
                              const struct config *c, const char *remedy);

void config_benchmark_done(struct config_benchmark *b);
