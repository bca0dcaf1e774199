/*
 * fleet_faults: which of the simulated servers' SSH sides are broken, and how.
 *
 * SPEC is `KEY=P%,...`, each a share of the servers, side by side; which servers they are is a
 * function of the seed and the server's number:
 *   reset   connections are reset at once
 *   mute    connections are accepted, and nothing is said
 *   drop    the connection is lost during the login, after the key exchange
 *   auth    the user's key is refused
 *   hang    the login succeeds, and the command says nothing
 * What goes wrong behind the login is the simulation's (`error=`, transport/simulation.h). Pure.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

enum fault { FAULT_NONE, FAULT_RESET, FAULT_MUTE, FAULT_DROP, FAULT_AUTH, FAULT_HANG };
#define FAULTS 6

struct faults {
    double percent[FAULTS];
};

/* Fails with ERROR_USAGE. */
int faults_parse(const char *spec, struct faults *ret, struct error *err) must_use;

enum fault faults_of(const struct faults *f, uint64_t seed, uint64_t server);
