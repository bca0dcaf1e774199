/*
 * io: the session with muster (standard input and output) and the signals, in one place to wait.
 *
 * Whatever the agent waits for, it waits here, so that it notices at once when its input closes, it
 * is told to end or its lease is over, and so that it says in time that it is alive. Once it is to
 * end, `ended` is set and every wait returns IO_ENDED.
 *
 * With a lease that lets it linger, the end of the session is not the agent's end: `lost` is set
 * until another session takes over, or the time for that is over. What is written meanwhile is
 * dropped, and what an earlier session asked for is no longer in the input.
 */
#pragma once

#include "base/str.h"
#include "lease.h"

#include <stdbool.h>
#include <stdint.h>

struct io {
    int signals; /* a signalfd */
    bool ended;
    bool finished; /* ended, and no session will come for what was answered */
    struct lease lease;
    const char *run;
    int listener;       /* where another session of the same run and server is met; or -1 */
    int other;          /* a connection to the agent that lingers: relay_run() it; -1: none */
    bool lost;          /* there is no session now */
    int64_t lost_until; /* how long that may be so */
    unsigned session;   /* which one it is, counted also when it is lost */
    unsigned asker;     /* the session that waits for what is in progress */
    bool fresh;         /* there are requests that heard() has not seen */
    void (*heard)(struct io *io,
                  void *arg); /* called when some came, between two lines of output */
    void *arg;
    bool writing;     /* a line is half said: no beat may come into it */
    size_t beat_at;   /* how much of a beat is said; it is finished before anything else */
    struct str input; /* requests, of which the last one may be cut */
    size_t whole;     /* bytes of it that are whole lines */
    struct str line;  /* what io_line() returned last: input grows and moves meanwhile */
    struct str copy;  /* the same of io_peek() */
};

enum io_event {
    IO_READY,   /* the descriptor can be read */
    IO_INPUT,   /* muster has sent something; a request is kept for io_line() */
    IO_CHILD,   /* a child may have ended */
    IO_TIMEOUT, /* the deadline has passed, whatever else there is */
    IO_ENDED
};

/* Blocks the signals and opens the descriptor for them; the lease begins. Returns 0 or -1. */
int io_open(struct io *io, const char *run);
void io_close(struct io *io);

/* For a child before it runs foreign code: no signal blocked or ignored. */
void io_reset_signals(void);

/* Waits for one of the events; `fd` may be -1. */
enum io_event io_wait(struct io *io, int fd, int64_t deadline);

/* Sleeps. Returns false when the session has ended. */
bool io_sleep(struct io *io, int64_t ns);

/*
 * The next request, without its newline and with a NUL after it, until the next call. NULL: ended,
 * or the session is lost and has no more to ask.
 */
char *io_line(struct io *io, size_t *n);

/*
 * The requests that wait, for heard(): the whole line at `at`, which is 0 for the first one, as a
 * copy until the next call, and its length with the newline. NULL: there is none. io_drop() removes
 * it.
 */
char *io_peek(struct io *io, size_t at, size_t *n);
void io_drop(struct io *io, size_t at, size_t n);

/* Whether the session waits for what is in progress; to one that does not, it means nothing. */
bool io_asked(const struct io *io);

/* Writes all of it, unless the session is lost before that. */
void io_write(struct io *io, const char *data, size_t n);
