/*
 * machine: what this machine has left of what sessions take, read from /proc and /sys.
 *
 * A file that is not there or makes no sense is no limit.
 *
 * Threads: any thread.
 */
#pragma once

#include "exec/capacity.h"

/*
 * Reads all of it below `root` ("": the machine itself). The limits of the process are the
 * caller's to know: `files` and `processes`, the hard ones of RLIMIT_NOFILE and RLIMIT_NPROC, or
 * -1. `wanted` threads and processes are wanted: what the user has is counted where it may matter.
 */
void machine_read(const char *root, int64_t files, int64_t processes, int64_t wanted,
                  struct machine *ret);
