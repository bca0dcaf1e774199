/*
 * agent: the conversation with the agent on one server, over one session.
 *
 * Puts the agent there when it is missing, starts it, and carries one request at a time to it. All
 * that a shell says before the agent speaks (a message of the day, noise of a login script) is
 * passed over, up to AGENT_NOISE_MAX bytes; after that every line must be the agent's.
 *
 * While it waits for an answer, each side says a word in every beat of the lease (wire/wire.h), and
 * an agent that has been silent for the whole of it is lost: ERROR_CONNECTION_LOST.
 *
 * Other errors are those of the session (transport/transport.h) and ERROR_BAD_OUTPUT. After an
 * error the conversation is over. The struct belongs to one worker; the session stays the caller's.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "bench/outfile.h"
#include "transport/transport.h"
#include "wire/wire.h"

#define AGENT_NOISE_MAX 65536

struct agent {
    struct session *session;
    struct str input; /* what was read and not yet used, from `used` on */
    size_t used;
    int64_t last_id;
    struct outfile outfile; /* for pieces of a long output; what it is of is the caller's to set */
    struct wire_lease lease;
    int64_t next_word; /* when the lease is to be renewed */
    int64_t silent;    /* when nothing will have come for all of it */
};

/*
 * Starts the agent by the command line of bench/bootstrap.h, and reads its hello, which the caller
 * owns then. The lease (0: there is none) begins with the first request.
 */
int agent_start(struct agent *a, struct session *session, const char *command,
                const struct wire_lease *lease, int64_t deadline, struct wire_message *hello,
                struct error *err) must_use;

/* The id for the next request. */
int64_t agent_next_id(struct agent *a);

/*
 * Sends a request that wire_add_benchmark() or wire_add_command() made with that id, and reads the
 * answer, which the caller owns then. An answer of type WIRE_ERROR is an answer, not an error.
 * Fails with ERROR_TIMEOUT at the deadline, however much else the agent says until then.
 */
int agent_ask(struct agent *a, const struct str *request, int64_t deadline,
              struct wire_message *answer, struct error *err) must_use;

/*
 * Tells the agent that nothing more will be asked, and waits a moment for it to end. Only one that
 * lingers has to be told; the others see the session close.
 */
void agent_end(struct agent *a);

void agent_done(struct agent *a);
