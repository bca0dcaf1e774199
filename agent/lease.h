/*
 * lease: how long the agent may go on without a word from muster, and when it says one itself.
 *
 * Plain data and the clock; io.h sees to it whenever it waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease {
    int64_t length; /* ns of silence after which muster is taken for lost */
    int64_t beat;   /* ns between two words of the agent's own; 0: none, before the first lease */
    int64_t busy_wait; /* ns that another run on this server is waited for */
    int64_t linger;    /* ns that the agent stays without a session; 0: not at all */
    uint64_t key;      /* of the server's name with muster; 0: not told */
    int64_t round;     /* which attempt at the server this is; 0: the first */
    int64_t ends;
    int64_t next_beat;
};

/* The lease that holds until muster names another. */
void lease_begin(struct lease *l);

/*
 * Takes a line of type `lease`, which is changed (n bytes and a NUL). One that makes no sense
 * changes nothing.
 */
void lease_take(struct lease *l, char *line, size_t n);

/* Something came from muster. */
void lease_renew(struct lease *l);

/* Something was said to muster, or could not be: the next beat is a while away. */
void lease_said(struct lease *l);

/* Whether it is over; when a beat is due. */
bool lease_over(const struct lease *l);
bool lease_beat_due(const struct lease *l);

/* The next point in time at which one of the two may be the case. */
int64_t lease_next(const struct lease *l);
