/*
 * capacity: how many sessions at once there is room for on this machine.
 *
 * What a session takes is held against what the machine has left of each resource; the one with
 * room for the fewest sessions decides. Pure arithmetic: machine.h reads what there is.
 *
 * Threads: plain data.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

/* In the order in which they are named when several are alike. */
enum resource {
    RESOURCE_FILES,         /* open files of the process: RLIMIT_NOFILE */
    RESOURCE_PROCESSES,     /* processes and threads of the user: RLIMIT_NPROC */
    RESOURCE_CGROUP_PIDS,   /* those of a control group: pids.max */
    RESOURCE_THREADS,       /* those of the machine: kernel.threads-max */
    RESOURCE_PIDS,          /* numbers for them: kernel.pid_max */
    RESOURCE_MAPS,          /* memory maps of the process: vm.max_map_count */
    RESOURCE_PORTS,         /* local ports to one destination: net.ipv4.ip_local_port_range */
    RESOURCE_CONNTRACK,     /* connections that the firewall remembers: nf_conntrack_max */
    RESOURCE_CGROUP_MEMORY, /* bytes, of a control group: memory.max */
    RESOURCE_MEMORY,        /* bytes, of the machine: MemAvailable */
    RESOURCES
};

#define SUPPLY_UNLIMITED INT64_MAX
#define GROUP_TEXT 256

/* What there is of a resource. */
struct supply {
    int64_t limit; /* SUPPLY_UNLIMITED: there is none, or it is not known */
    int64_t used;
    char group[GROUP_TEXT]; /* the folder of the control group whose limit it is, or "" */
};

struct machine {
    struct supply of[RESOURCES];
};

/* What sessions of a transport take, beside the worker's thread that each has. */
struct demand {
    int files;            /* each, as long as it lasts */
    int starting_files;   /* each of the first 64, more while they start */
    int processes;        /* each, on this machine */
    int connections;      /* each, TCP */
    int same_destination; /* the most servers that have one address and port */
    int64_t memory;       /* each, bytes */
};

struct capacity {
    int fanout;             /* from 1 to what was asked for */
    enum resource by;       /* what decided, where it is less */
    int64_t needed;         /* the limit of `by` with which there were room for all */
    const struct supply *s; /* what there is of it; the machine's */
};

/* What `fanout` sessions and muster itself take of a resource. */
int64_t capacity_needed(const struct demand *d, enum resource r, int fanout);

/* How many sessions of those asked for there is room for. */
struct capacity capacity_find(const struct machine *m, const struct demand *d, int asked);

/* Where that is less: the limit with its value, and what an operator does to raise it. */
void capacity_reason(const struct capacity *c, struct str *out);
void capacity_raise(const struct capacity *c, struct str *out);
