/* logging: the log of a command that runs for long, as its options say. */
#pragma once

#include "cli/progress.h"
#include "cli/runoptions.h"

/*
 * Opens the log: standard error, unless it is to be quiet, with the display of `progress` below its
 * lines where that is shown, and the files and daemons that were named. When it fails the log may
 * be open all the same: log_close() is for both.
 */
int logging_open(const struct run_output *o, struct progress *progress, struct error *err) must_use;
