/*
 * fake_transport: a server that says what a test wrote down, without a thread or a process.
 *
 * Each element of `script` is what the server says in answer to one thing that muster does: the
 * first when the agent is started, the next ones after each write. FAKE_END ends its output there,
 * FAKE_LOST breaks the connection, FAKE_SILENCE says nothing until the read's deadline, for ever;
 * FAKE_DEAF does so, too, and takes no writes either. FAKE_ALIVE says signs of life without end.
 */
#pragma once

#include "transport/transport.h"

#define FAKE_END ((const char *)1)
#define FAKE_SILENCE ((const char *)2)
#define FAKE_LOST ((const char *)3)
#define FAKE_ALIVE ((const char *)4)
#define FAKE_DEAF ((const char *)5)

struct fake_transport {
    struct transport transport;
    const struct error *refuse; /* when not NULL, opening fails with it */
    const char *const *script;  /* ends with NULL */
    const char *stderr_text;
    int status; /* of the remote command */
    int opened;
    int closed;
    char written[65536]; /* all that muster wrote, with NULs left out */
    size_t written_len;
};

void fake_transport_init(struct fake_transport *f, const char *const *script);
