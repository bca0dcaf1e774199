/*
 * room: see room.h.
 *
 * The soft limit of open files is 1024 on most machines, and a session over pipes takes several:
 * with a fan-out of a few hundred servers would fail for a reason that is not theirs. A soft limit
 * is raised no further than it must, because programs that muster starts inherit it, and some close
 * every descriptor there could be.
 *
 * Servers have one destination when the inventory says so. Where ssh_config leads many names to one
 * address, the kernel says at each connection that ports have run out.
 */
#include "cli/room.h"

#include "exec/machine.h"
#include "sync/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/*
 * Bytes of a session in flight, as a control group counts them: a stack as far as it is touched and
 * buffers, 25 KiB when it is simulated and 80 KiB over ssh, and 28 KiB of the kernel's for a
 * thread.
 */
#define SSH_MEMORY (108 << 10)
#define OTHER_MEMORY (56 << 10)

/*
 * Descriptors of a session over ssh: its socket. A jump host takes a pair of them, a ProxyCommand
 * or the ssh program up to five: the soft limit is raised for all to need that, and where the hard
 * one has no room for it, those that lack one wait (transport/shortage).
 */
#define SSH_FILES 1
#define SSH_FILES_MOST 5

/* On the machine itself: the program, the agent, its guard, a benchmark's shell and command. */
#define PROGRAM_PROCESSES 5

/* ---- what a session takes ------------------------------------------------------------------ */

static int by_destination(const void *x, const void *y) {
    const struct server *a = *(const struct server *const *)x,
                        *b = *(const struct server *const *)y;
    int order = strcmp(a->host, b->host);
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

/* How many servers have the destination that most have. All of them, where memory runs out. */
static int same_destination(const struct servers *servers) {
    const struct server **sorted = calloc(servers->count + 1, sizeof(*sorted));
    if (!sorted)
        return (int)servers->count;
    for (size_t i = 0; i < servers->count; i++)
        sorted[i] = &servers->items[i];
    qsort(sorted, servers->count, sizeof(*sorted), by_destination);
    int most = 0;
    for (size_t i = 0, first = 0; i < servers->count; i++) {
        if (by_destination(&sorted[first], &sorted[i]) != 0)
            first = i;
        int same = (int)(i - first + 1);
        most = same > most ? same : most;
    }
    free(sorted);
    return most;
}

/* A simulated session holds no descriptor, one over ssh its socket, one over a program its pipes.
 */
static struct demand demand_of(const struct run_options *o, const struct servers *servers) {
    const char *name = o->transport ? o->transport : "ssh";
    if (o->simulate)
        return (struct demand){.memory = OTHER_MEMORY};
    if (strcmp(name, "ssh") == 0)
        return (struct demand){.files = SSH_FILES,
                               .starting_files = 6,
                               .connections = 1,
                               .same_destination = same_destination(servers),
                               .memory = SSH_MEMORY};
    return (struct demand){.files = 7, .processes = PROGRAM_PROCESSES, .memory = OTHER_MEMORY};
}

/* ---- limits of the process ----------------------------------------------------------------- */

static int64_t hard_limit(int which) {
    struct rlimit limit;
    return getrlimit(which, &limit) != 0 || limit.rlim_max > INT64_MAX ? -1
                                                                       : (int64_t)limit.rlim_max;
}

/* Raises the soft limit to what is needed; what the hard one lacks is known. */
static void raise_soft(int which, int64_t needed) {
    struct rlimit limit;
    if (getrlimit(which, &limit) != 0 || limit.rlim_cur >= (rlim_t)needed)
        return;
    limit.rlim_cur = (rlim_t)needed < limit.rlim_max ? (rlim_t)needed : limit.rlim_max;
    (void)!setrlimit(which, &limit);
}

static void say(const struct capacity *c, int asked) {
    cleanup(str_done) struct str reason = {0};
    cleanup(str_done) struct str raise = {0};
    capacity_reason(c, &reason);
    capacity_raise(c, &raise);
    log_warning("fewer servers at once than asked for", LOG_I("fanout", c->fanout),
                LOG_I("asked", asked), LOG_S("reason", reason.failed ? "" : reason.data),
                LOG_S("raise", raise.failed ? "" : raise.data));
}

int room_for(const struct run_options *o, const struct servers *servers, size_t total, int asked) {
    struct demand d = demand_of(o, servers);
    struct machine m;
    int most = total < (size_t)asked ? (int)total : asked;
    most = most > 0 ? most : 1;
    machine_read("", hard_limit(RLIMIT_NOFILE), hard_limit(RLIMIT_NPROC),
                 capacity_needed(&d, RESOURCE_PROCESSES, most), &m);
    struct capacity c = capacity_find(&m, &d, most);
    struct demand largest = d;
    largest.files = d.files == SSH_FILES ? SSH_FILES_MOST : d.files;
    raise_soft(RLIMIT_NOFILE,
               m.of[RESOURCE_FILES].used + capacity_needed(&largest, RESOURCE_FILES, c.fanout));
    raise_soft(RLIMIT_NPROC,
               m.of[RESOURCE_PROCESSES].used + capacity_needed(&d, RESOURCE_PROCESSES, c.fanout));
    if (c.fanout == most)
        return asked;
    say(&c, asked);
    return c.fanout;
}
