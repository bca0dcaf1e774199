/*
 * logfile: the file that a worker of a shared store writes its log of a run into, on its own
 * machine: logs/RUN.HOST-PID.XXXXXX.jsonl in the folder of muster's state. No two are ever called
 * the same, on whatever machine.
 *
 * Its writer has it locked (store/hold.h). One that nobody has locked was left behind by a process
 * that died, or that could not reach the store in the end.
 *
 * Threads: a file belongs to one thread.
 */
#pragma once

#include "base/error.h"
#include "model/run.h"

#include <limits.h>

#define LOGFILE_WORKER_SIZE 96

struct logfile {
    int fd; /* open for reading, and holds the lock */
    char *path;
    char name[NAME_MAX + 1];
    char run[RUN_ID_SIZE];
    char worker[LOGFILE_WORKER_SIZE]; /* HOST:PID of who wrote it */
};

/* Makes a new one in the folder, empty, and locks it. Fails with ERROR_STORE. */
int logfile_make(const char *folder, const char *run_id, struct logfile *ret,
                 struct error *err) must_use;

/* Locks the one of this name. Returns whether it is one, and nobody else has it locked. */
bool logfile_take(const char *folder, const char *name, struct logfile *ret);

/* Takes it away from the disk. */
void logfile_remove(const struct logfile *f);

/* Lets go of it. */
void logfile_done(struct logfile *f);
