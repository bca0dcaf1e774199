/*
 * thread: short-lived threads that take a blocking call off a worker's hands.
 *
 * They are also needed when the workers have taken as many threads as the system gives, so a few
 * spare ones may be put to sleep before there are workers: each becomes what cannot be started
 * otherwise.
 */
#pragma once

#include "base/attr.h"

#include <pthread.h>

#define THREAD_SPARES 4

/*
 * Starts a thread with a small stack and every signal blocked; with `ret` NULL it is detached.
 * It works for the caller's run, as far as the log is concerned. Returns 0 or an errno.
 */
int thread_start(void *(*run)(void *), void *arg, pthread_t *ret) must_use;

/*
 * Puts THREAD_SPARES to sleep, as far as there are so many to be had; those that sleep already
 * count. They are the program's: whoever has threads started has them made before, and ended when
 * it starts none any more. They are there from the first to the last of those who did.
 */
void thread_spare(void);
void thread_spare_end(void);
