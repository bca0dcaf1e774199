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
#include "transport/transport.h"

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

/* Runs nothing yet. Fails with ERROR_INTERNAL. */
int sshprogram_open(const struct sshprogram_request *request, struct cancel *cancel,
                    struct session **ret, struct error *err) must_use;
