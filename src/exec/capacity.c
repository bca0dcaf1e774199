/*
 * capacity: see capacity.h.
 *
 * Each resource is a straight line: what muster takes itself, and so much more for each session.
 * Two have a bend. Descriptors are also needed while a session starts, and 64 at most start at
 * once; local ports are taken by sessions to one destination only, so that there are never more
 * of them than servers that have it.
 *
 * What muster takes itself is generous. Too few sessions by a handful cost nothing, and a limit
 * that is met all the same is waited out where it is met (transport/shortage, exec/pool).
 */
#include "exec/capacity.h"

#include "base/attr.h"

#define OWN_FILES 24   /* the store, logs, lists, and what libraries open in passing */
#define OWN_THREADS 16 /* main, signals, log, spare ones, a few look-ups */
#define OWN_MAPS 256   /* arenas of malloc() and libraries that come later */
#define OWN_MEMORY (8 << 20)
#define STARTING_MAX 64
#define MAPS_OF_THREAD 2 /* its stack, and the guard below that */

/* ---- arithmetic ---------------------------------------------------------------------------- */

int64_t capacity_needed(const struct demand *d, enum resource r, int fanout) {
    int64_t n = fanout;
    int64_t starting = n < STARTING_MAX ? n : STARTING_MAX;
    switch (r) {
    case RESOURCE_FILES:
        return d->files ? OWN_FILES + n * d->files + starting * d->starting_files : 0;
    case RESOURCE_PROCESSES:
    case RESOURCE_CGROUP_PIDS:
    case RESOURCE_THREADS:
    case RESOURCE_PIDS:
        return OWN_THREADS + n * (1 + d->processes);
    case RESOURCE_MAPS:
        return OWN_MAPS + n * MAPS_OF_THREAD;
    case RESOURCE_PORTS:
        return n < d->same_destination ? n : d->same_destination;
    case RESOURCE_CONNTRACK:
        return n * d->connections;
    default:
        return OWN_MEMORY + n * d->memory;
    }
}

static bool fits(const struct supply *s, const struct demand *d, enum resource r, int fanout) {
    return s->limit == SUPPLY_UNLIMITED || capacity_needed(d, r, fanout) <= s->limit - s->used;
}

/* The most that fit, of 1 to `most`, of which `most` does not; one always does. */
static int most_that_fit(const struct supply *s, const struct demand *d, enum resource r,
                         int most) {
    int fit = 1;
    while (most - fit > 1) {
        int middle = fit + (most - fit) / 2;
        if (fits(s, d, r, middle))
            fit = middle;
        else
            most = middle;
    }
    return fit;
}

struct capacity capacity_find(const struct machine *m, const struct demand *d, int asked) {
    struct capacity c = {.fanout = asked};
    for (enum resource r = 0; r < RESOURCES; r++) {
        const struct supply *s = &m->of[r];
        if (c.fanout <= 1 || fits(s, d, r, c.fanout))
            continue;
        c.fanout = most_that_fit(s, d, r, c.fanout);
        c.by = r;
        c.needed = s->used + capacity_needed(d, r, asked);
        c.s = s;
    }
    return c;
}

/* ---- sentences ----------------------------------------------------------------------------- */

static const char *const NAMES[] = {
    [RESOURCE_FILES] = "RLIMIT_NOFILE (open files)",
    [RESOURCE_PROCESSES] = "RLIMIT_NPROC (the user's processes and threads)",
    [RESOURCE_CGROUP_PIDS] = "pids.max",
    [RESOURCE_THREADS] = "kernel.threads-max",
    [RESOURCE_PIDS] = "kernel.pid_max",
    [RESOURCE_MAPS] = "vm.max_map_count",
    [RESOURCE_PORTS] = "the number of ports in net.ipv4.ip_local_port_range",
    [RESOURCE_CONNTRACK] = "net.netfilter.nf_conntrack_max",
    [RESOURCE_CGROUP_MEMORY] = "the memory limit",
    [RESOURCE_MEMORY] = "MemAvailable",
};

static void add_amount(struct str *out, enum resource r, int64_t n) {
    bool bytes = r == RESOURCE_CGROUP_MEMORY || r == RESOURCE_MEMORY;
    str_add_int(out, bytes ? n >> 20 : n);
    str_add(out, bytes ? " MiB" : "");
}

void capacity_reason(const struct capacity *c, struct str *out) {
    str_add(out, NAMES[c->by]);
    if (*c->s->group)
        str_addf(out, " of the cgroup %s", c->s->group);
    str_add(out, " is ");
    add_amount(out, c->by, c->s->limit);
    if (c->s->used <= 0)
        return;
    str_add(out, ", ");
    add_amount(out, c->by, c->s->used);
    str_add(out, " in use");
}

void capacity_raise(const struct capacity *c, struct str *out) {
    long long n = c->needed;
    switch (c->by) {
    case RESOURCE_FILES:
        str_addf(out, "ulimit -n %lld, or nofile in /etc/security/limits.conf", n);
        return;
    case RESOURCE_PROCESSES:
        str_addf(out, "ulimit -u %lld, or nproc in /etc/security/limits.conf", n);
        return;
    case RESOURCE_CGROUP_PIDS:
        str_addf(out, "systemctl set-property UNIT TasksMax=%lld, or write %lld to its pids.max", n,
                 n);
        return;
    case RESOURCE_PORTS:
        str_add(out, "sysctl net.ipv4.ip_local_port_range=\"1024 65535\"");
        return;
    case RESOURCE_CGROUP_MEMORY:
        str_addf(out, "systemctl set-property UNIT MemoryMax=%lldM", (n >> 20) + 1);
        return;
    case RESOURCE_MEMORY:
        str_addf(out, "%lld MiB of memory", (n >> 20) + 1);
        return;
    default: /* what sysctl(8) sets */
        str_addf(out, "sysctl %s=%lld", NAMES[c->by], n);
    }
}
