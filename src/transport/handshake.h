/*
 * handshake: from a connection to a session whose keys are exchanged.
 *
 * The wait for the server's banner and the key exchange are stages with a deadline each, and what
 * fails is said of the stage it failed in: a connection that is closed or that never says SSH, a
 * server that says something else (which is quoted), an exchange that breaks off or finds no
 * algorithm in common. The host key has not been judged yet.
 *
 * Threads: as the link.
 */
#pragma once

#include "transport/limit.h"
#include "transport/link.h"

/*
 * Runs it over `fd`, which is libssh's from here on whatever comes of it. Each stage may take
 * `within` ns, all within `login`. Where there is no algorithm in common, the link's `mismatch`
 * and `offer` say so. *certificate is whether the server has a host certificate, or may have one;
 * NULL where that does not matter. Fails with ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_INTERRUPTED
 * or ERROR_INTERNAL.
 */
int handshake_run(struct link *l, int fd, int64_t within, const struct limit *login,
                  bool *certificate, struct error *err) must_use;
