/*
 * thread: short-lived threads that take a blocking call off a worker's hands.
 */
#pragma once

#include "base/attr.h"

#include <pthread.h>

/*
 * Starts a thread with a small stack and every signal blocked; with `ret` NULL it is detached.
 * Returns 0 or an errno.
 */
int thread_start(void *(*run)(void *), void *arg, pthread_t *ret) must_use;
