/*
 * hold: who works on a run.
 *
 * A run is worked on by one process at a time, which holds a lock of the kernel's on the run's own
 * log file. However that process ends, SIGKILL included, the lock goes with it. It is an open file
 * description lock (fcntl(2), F_OFD_SETLK): one that can be asked for without being taken, and that
 * no other close() of the file in the same process lets go.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

/*
 * Makes the file and its folder where they are not there, and takes the lock. Returns a descriptor
 * that holds it until it is closed, or -1: ERROR_STORE, or, when another process holds it, with
 * *holder its process id; else *holder is 0.
 */
int hold_take(const char *path, int64_t *holder, struct error *err) must_use;

/* The process id of who holds it; 0 when nobody does, or that cannot be found out. */
int64_t hold_holder(const char *path);
