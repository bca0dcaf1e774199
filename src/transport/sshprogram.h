/*
 * sshprogram: a server carried by the user's own ssh program.
 *
 * Each remote command is one run of ssh, which connects and logs in anew, so an error of connecting
 * shows when the command's output is read. What ssh says on its standard error when it ends with
 * its own status 255 is translated: ERROR_UNREACHABLE, ERROR_HOST_KEY, ERROR_AUTH or
 * ERROR_CONNECTION_LOST, with its words in the sentence.
 *
 * Threads: as transport.h.
 */
#pragma once

#include "sync/cancel.h"
#include "transport/pace.h"
#include "transport/transport.h"

#include <stdbool.h>

/* NULL and 0: not given. All of it is copied. */
struct sshprogram_request {
    const char *server; /* its name, for sentences */
    const char *host;
    const char *user;
    int port;
    const char *identity;
    const char *config_file;
    int64_t connect_timeout; /* ns */
};

/*
 * Whether the program would offer that server, as the user has configured it, one of the algorithms
 * in `offer` (commas between them) for `keyword`, a keyword of ssh_config in lower case. False also
 * when there is no program, or when it does not say in time.
 */
bool sshprogram_offers(const struct sshprogram_request *request, const char *keyword,
                       const char *offer, struct cancel *cancel, int64_t deadline);

/*
 * Runs nothing yet. What comes of the first command's start is told to `start`, which is copied.
 * `why` the program is needed is said of a server when there is none in $PATH.
 * Fails with ERROR_INTERNAL.
 */
int sshprogram_open(const struct sshprogram_request *request, const char *why,
                    const struct start *start, struct cancel *cancel, struct session **ret,
                    struct error *err) must_use;
