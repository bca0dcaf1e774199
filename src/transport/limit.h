/*
 * limit: how long a stage of reaching a server may take, and the sentence for when it took longer.
 *
 * A stage (a look-up, connecting, a banner) has a time of its own and ends within the server's
 * deadline too; which of the two was the shorter decides what is said and which error it is. The
 * sentence names the setting that would have given more time.
 *
 * Threads: plain data.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

struct limit {
    int64_t deadline;
    int64_t within;      /* ns, the stage's own time; 0: the deadline is the server's */
    const char *setting; /* the configuration's, that `within` is of */
};

/* The settings of stages: of a look-up, a connection and a banner; and of a login as a whole. */
#define LIMIT_CONNECT "ssh.connect_timeout"
#define LIMIT_LOGIN "ssh.login_timeout"

/* The limit of a stage that begins now and may take `within` ns, of a server with `deadline`. */
struct limit limit_start(int64_t within, const char *setting, int64_t deadline);

/*
 * Fills *err with "WHAT within 10s (SETTING)" and the kind given, or, where it was the server's
 * deadline that passed, with "WHAT before the server's deadline (--timeout)" and ERROR_TIMEOUT.
 * Returns -1.
 */
int limit_passed(const struct limit *l, enum error_kind kind, const char *what, struct error *err);
