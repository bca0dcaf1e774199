/*
 * transport: how a session to a server is made, and the bytes that go over it.
 *
 * A transport is made once per run and shared by all workers; a session is one connection to one
 * server and belongs to the worker that opened it. A session runs one remote command (a POSIX shell
 * command line) at a time and carries its standard input and output.
 *
 * Every call blocks, takes a deadline (base/clock.h) and also ends when the run's cancel token
 * fires. Errors: ERROR_UNREACHABLE, ERROR_HOST_KEY, ERROR_AUTH (opening only), ERROR_TIMEOUT,
 * ERROR_CONNECTION_LOST, ERROR_UNSUPPORTED (the server logs in, but runs no commands),
 * ERROR_INTERRUPTED (the token fired), ERROR_INTERNAL. After an error the only call allowed on the
 * session is session_close(), but for a session_read() that failed with ERROR_TIMEOUT: nothing was
 * lost, and the session goes on as if it had not been called.
 *
 * An implementation fills the two tables below; a caller uses the functions that follow them.
 */
#pragma once

#include "base/error.h"
#include "model/server.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct transport;
struct session;
struct shortage; /* transport/shortage.h */

struct transport_ops {
    const char *name; /* ssh, command, local, simulated */
    int (*open)(struct transport *t, const struct server *server, int64_t deadline,
                struct session **ret, struct error *err);
    void (*free)(struct transport *t);
};

/*
 * An implementation's struct begins with this one. With `shortage`, which transport_free() frees,
 * an open() that fails for want of descriptors, memory or threads is tried again when there are
 * some, so it must have given all back.
 */
struct transport {
    const struct transport_ops *ops;
    struct shortage *shortage;
};

struct session_ops {
    int (*start)(struct session *s, const char *command, int64_t deadline, struct error *err);
    ssize_t (*read)(struct session *s, char *buf, size_t size, int64_t deadline, struct error *err);
    int (*write)(struct session *s, const char *data, size_t n, int64_t deadline,
                 struct error *err);
    int (*finish)(struct session *s, int64_t deadline, int *status, struct error *err);
    const char *(*address)(const struct session *s);
    const char *(*stderr_text)(const struct session *s);
    void (*close)(struct session *s);
};

struct session {
    const struct session_ops *ops;
    struct shortage *shortage; /* the transport's, set by transport_open() */
};

/*
 * Connects and logs in. `deadline` is the server's; the transport applies its own shorter ones for
 * connecting and for logging in, and names in the sentence which one passed.
 */
int transport_open(struct transport *t, const struct server *server, int64_t deadline,
                   struct session **ret, struct error *err) must_use;

/* Every session must be closed. NULL is allowed. */
void transport_free(struct transport *t);

/* Starts the remote command `command`; its standard input and output are then the session's. */
int session_start(struct session *s, const char *command, int64_t deadline,
                  struct error *err) must_use;

/* Reads at least one byte. Returns how many, 0 at the end of the command's output, or -1. */
ssize_t session_read(struct session *s, char *buf, size_t size, int64_t deadline,
                     struct error *err) must_use;

/* Writes all of it. */
int session_write(struct session *s, const char *data, size_t n, int64_t deadline,
                  struct error *err) must_use;

/*
 * Closes the command's standard input, throws away what it still prints and waits for its end.
 * *status is its exit status, 128+N when signal N ended it, -1 where the far side does not tell.
 */
int session_finish(struct session *s, int64_t deadline, int *status, struct error *err) must_use;

/* Where it is connected, for the log: "10.0.0.7 port 22", "pid 4711"; never NULL. */
const char *session_address(const struct session *s);

/*
 * What came over standard error so far, the first 4 KiB of it, as printable text (base/text.h);
 * never NULL. Asked when something went wrong, for the sentence.
 */
const char *session_stderr(const struct session *s);

/* Ends the session whatever its state, within 2 s. NULL is allowed. */
void session_close(struct session *s);

/* For cleanup(). */
static inline void session_closep(struct session **s) {
    session_close(*s);
}
