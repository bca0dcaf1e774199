/*
 * pulse: whether a program that runs for ever is alive and ready, for those who supervise it.
 *
 * Its main loop beats each time that it comes round. It is alive as long as the last beat is
 * younger than PULSE_AGE, and ready while it has said so and is not told to end. systemd, where it
 * started the program with a socket for that (sd_notify(3)), is told when it is ready, when it ends
 * and, if it asked, that the loop still comes round.
 *
 * Where several loops work side by side, each in its thread has a part, and the main loop gathers
 * them: the program is alive as the slowest of them is, and ready when none is not.
 *
 * Threads: pulse_alive() and pulse_ready() may be called by any thread; the rest is the main
 * loop's, or that of the loop whose part it is. Where a pulse is taken, NULL is one that nobody
 * feels.
 */
#pragma once

#include "sync/cancel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PULSE_AGE (60 * INT64_C(1000000000))

struct pulse;

/* `end` is fired when the program is to end; borrowed. Fails with ERROR_INTERNAL. */
int pulse_new(const struct cancel *end, struct pulse **ret, struct error *err) must_use;
void pulse_free(struct pulse *p);

/*
 * A part of it, due as often: the whole is ready once a part has been, unless one says that it is
 * not. Parts are freed before it. Fails with ERROR_INTERNAL.
 */
int pulse_new_part(struct pulse *whole, struct pulse **ret, struct error *err) must_use;

/* The main loop has come round; beats as its parts have beaten. */
void pulse_gather(struct pulse *whole, struct pulse *const *parts, size_t n);

/* The main loop has come round. */
void pulse_beat(struct pulse *p);

/* It can do what it is there for from now on, or it cannot. */
void pulse_set_ready(struct pulse *p, bool ready);

/* When the next beat is asked for; DEADLINE_NEVER: any time will do. */
int64_t pulse_due(const struct pulse *p);

bool pulse_alive(const struct pulse *p);
bool pulse_ready(const struct pulse *p);
