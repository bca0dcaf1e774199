/*
 * descriptors: see descriptors.h.
 *
 * The soft limit is 1024 on most machines, and a session over pipes takes several: with a fan-out
 * of a few hundred servers would fail for a reason that is not theirs. The limit is raised no
 * further than it must, because programs that muster starts inherit it, and some close every
 * descriptor there could be.
 */
#include "cli/descriptors.h"

#include <sys/resource.h>

#define OWN 24 /* the store, logs, lists, and what libraries open in passing */
#define STARTING_MAX 64

static rlim_t needed(int fanout, int each, int start) {
    int starting = fanout < STARTING_MAX ? fanout : STARTING_MAX;
    return OWN + (rlim_t)fanout * (rlim_t)each + (rlim_t)starting * (rlim_t)start;
}

int descriptors_make_room(int fanout, int each, int start) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return fanout;
    rlim_t wanted = needed(fanout, each, start);
    if (wanted > limit.rlim_cur && limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {wanted < limit.rlim_max ? wanted : limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    while (fanout > 1 && needed(fanout, each, start) > limit.rlim_cur)
        fanout--;
    return fanout;
}
