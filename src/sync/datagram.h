/*
 * datagram: messages for a daemon of this machine, each one datagram on the Unix socket where it
 * listens.
 *
 * The daemon may be slow, hang or start anew; nobody waits for that. What it does not take at once
 * is queued, 16 MiB of it at most, and offered again a little later. Only what finds the queue full
 * is lost, and counted.
 *
 * Threads: a struct datagram belongs to one thread at a time.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct datagram;

/*
 * Connects to the socket at `path`. With `by_file` a message that is too large for a datagram goes
 * as a sealed file in memory, whose descriptor is all that the datagram has. Fails with
 * ERROR_USAGE, the sentence being the path and why.
 */
int datagram_new(const char *path, bool by_file, struct datagram **ret, struct error *err) must_use;

/* NULL is allowed. What is queued is lost. */
void datagram_free(struct datagram *d);

/* Queues a message. */
void datagram_add(struct datagram *d, const char *bytes, size_t n);

/*
 * Sends what the daemon takes. With `patient` it is waited for, but no longer than until it has
 * taken nothing for 5 s.
 */
void datagram_send(struct datagram *d, bool patient);

/* When datagram_send() is due again; DEADLINE_NEVER: nothing is queued. */
int64_t datagram_due(const struct datagram *d);

/* How many messages are queued, how many were lost, and what the daemon refused last with. */
size_t datagram_queued(const struct datagram *d);
size_t datagram_lost(const struct datagram *d);
int datagram_errno(const struct datagram *d);
