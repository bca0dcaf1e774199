/*
 * fleet: what the parts of fleet_sim share.
 *
 * Made by main() before the threads start; then read-only, but for the counts.
 */
#pragma once

#include "fleet_faults.h"
#include "transport/simulation.h"
#include "transport/transport.h"

#include <libssh/libssh.h>
#include <stdatomic.h>

/* Server 1 is 127.1.0.1; the others follow, without gaps. */
#define FLEET_FIRST UINT32_C(0x7f010001)
#define FLEET_SERVERS_MAX 10000000

struct fleet_counts {
    atomic_size_t accepted;      /* connections to servers, those that are reset among them */
    atomic_size_t turned_away;   /* for want of descriptors */
    atomic_size_t authenticated; /* logins that succeeded */
    atomic_size_t commands;      /* that were begun */
    atomic_size_t open;          /* connections now */
    atomic_size_t peak;          /* most of them at once */
};

struct fleet {
    struct simulation simulation;
    struct faults faults;
    struct transport *agents; /* whose sessions speak for the servers */
    struct cancel *cancel;
    struct cancel *gathered; /* fires when `gather` commands have begun */
    size_t gather;           /* 0: none has to wait */
    ssh_key user_key;
    const char *host_key; /* a file */
    unsigned short port;
    int descriptors; /* how many this process may have */
    struct fleet_counts counts;
};
