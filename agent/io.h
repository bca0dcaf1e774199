/*
 * io: the session with muster (standard input and output) and the signals, in one place to wait.
 *
 * Whatever the agent waits for, it waits here, so that it notices at once when its input closes, it
 * is told to end or its lease is over, and so that it says in time that it is alive. Once the
 * session has ended, `ended` is set and every wait returns IO_ENDED.
 */
#pragma once

#include "base/str.h"
#include "lease.h"

#include <stdbool.h>
#include <stdint.h>

struct io {
    int signals; /* a signalfd */
    bool ended;
    struct lease lease;
    bool writing;     /* a line is half said: no beat may come into it */
    size_t beat_at;   /* how much of a beat is said; it is finished before anything else */
    struct str input; /* requests, of which the last one may be cut */
    size_t whole;     /* bytes of it that are whole lines */
    struct str line;  /* what io_line() returned last: input grows and moves meanwhile */
};

enum io_event {
    IO_READY,   /* the descriptor can be read */
    IO_INPUT,   /* muster has sent something; a request is kept for io_line() */
    IO_CHILD,   /* a child may have ended */
    IO_TIMEOUT, /* the deadline has passed, whatever else there is */
    IO_ENDED
};

/* Blocks the signals and opens the descriptor for them; the lease begins. Returns 0 or -1. */
int io_open(struct io *io);
void io_close(struct io *io);

/* For a child before it runs foreign code: no signal blocked or ignored. */
void io_reset_signals(void);

/* Waits for one of the events; `fd` may be -1. */
enum io_event io_wait(struct io *io, int fd, int64_t deadline);

/* Sleeps. Returns false when the session has ended. */
bool io_sleep(struct io *io, int64_t ns);

/* The next request, without its newline and with a NUL after it, until the next call; NULL: ended.
 */
char *io_line(struct io *io, size_t *n);

/* Writes all of it, or sets `ended`. */
void io_write(struct io *io, const char *data, size_t n);
