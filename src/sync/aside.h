/*
 * aside: a call that nothing can stop, taken off the caller's hands.
 *
 * It runs in a thread of its own, and who waits for it may give it up. Then it comes to its own end
 * some time, or with the program.
 */
#pragma once

#include "sync/ending.h"

#include <stdbool.h>

struct aside {
    void (*run)(void *arg);
    void (*drop)(void *arg); /* frees the argument of a call that was given up, when it is done */
    void *arg;
};

/*
 * Runs it. Returns true when it is done, or false when the moment after the token of `e` is over
 * first: then the argument is not the caller's any more. Where nothing ends it, or no thread can be
 * had, it runs in this one.
 */
bool aside_run(const struct aside *a, const struct ending *e) must_use;
