/*
 * gate: how many may do something at once, apart from how many threads there are.
 *
 * sshd's listen backlog holds 128 connections and it drops logins at random from 10 unfinished ones
 * on (MaxStartups), so a burst of connections to one machine, or through one, loses some of them
 * for a minute. Places are given in the order in which they were asked for.
 *
 * A place is a courtesy to the servers, never a way for one of them to hold up the rest: it is
 * given up after GATE_HOLD even when the handshake is not over, which gate_wait() sees to.
 *
 * Threads: any thread; one struct place belongs to one thread.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "sync/cancel.h"

#include <poll.h>

#define GATE_HOLD (3 * CLOCK_S)

struct gate;

struct place {
    struct gate *gate; /* NULL: none is held */
    int64_t until;
};

int gate_new(int places, struct gate **ret, struct error *err) must_use;

/* No place may be held. NULL is allowed. */
void gate_free(struct gate *g);

/*
 * Waits for a place. Fails with ERROR_TIMEOUT (without a sentence worth showing: the caller knows
 * what was waited for), ERROR_INTERRUPTED or ERROR_INTERNAL.
 */
int gate_enter(struct gate *g, struct cancel *cancel, int64_t deadline, struct place *ret,
               struct error *err) must_use;

/* The time that it may be held begins now. */
void gate_renew(struct place *p);

/* Gives the place back. Again is allowed and does nothing. */
void gate_leave(struct place *p);

/* The most places that were ever held at once. */
int gate_most(struct gate *g);

enum waited { WAITED_READY, WAITED_TIMEOUT, WAITED_CANCELLED };

/*
 * Waits until poll() has one of `events`, an error or a hang-up for `fd`, meanwhile giving up the
 * place (NULL: none) when it has been held for too long.
 */
enum waited gate_wait(struct place *place, struct cancel *cancel, int fd, short events,
                      int64_t deadline);

/*
 * The same for the first n - 1 descriptors of a set, whose `revents` say which are ready; the last
 * one, set[n - 1], is filled with the token's.
 */
enum waited gate_poll(struct place *place, struct cancel *cancel, struct pollfd *set, size_t n,
                      int64_t deadline);
