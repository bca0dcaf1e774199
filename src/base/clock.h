/*
 * clock: points in time and deadlines, in nanoseconds.
 *
 * A deadline is a point of the monotonic clock, which no change of the wall clock moves. Functions
 * that wait take a deadline, not a time-out, so that a wait made of several steps ends when it
 * should.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_US INT64_C(1000)
#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)
#define DEADLINE_NEVER INT64_MAX

int64_t clock_now(void);  /* monotonic */
int64_t clock_wall(void); /* since 1970, UTC */

/* The deadline `ns` from now; ns <= 0 or DEADLINE_NEVER mean no deadline. */
int64_t deadline_in(int64_t ns);

static inline int64_t deadline_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* What is left until the deadline: for poll(), in ms rounded up, -1 for never, 0 when it passed. */
int deadline_left_ms(int64_t deadline);

/* The deadline as the absolute monotonic time that pthread_cond_clockwait() and others take. */
struct timespec deadline_timespec(int64_t deadline);

/* `wall` as RFC 3339 in UTC with milliseconds, 2026-11-22T11:13:44.123Z: 24 bytes and a NUL. */
void clock_format_utc(int64_t wall, char out[25]);

/* Reads such a text, of which `wall` is then the millisecond. Whether it is one; more may follow.
 */
bool clock_parse_utc(const char *text, int64_t *wall);

/* `wall` in local time to the second, 2026-11-22 11:13:44: 19 bytes and a NUL. */
void clock_format_local(int64_t wall, char out[20]);
