/*
 * dryrun: `muster run --dry-run`, the plan instead of the run.
 */
#pragma once

#include "cli/runner.h"

/*
 * Prints what r, whose options, output, config and servers are filled, would do. Mistakes are found
 * as in a run; nothing is asked, connected to or written. Returns the exit status.
 */
int dryrun(struct runner *r);
