/*
 * refusal: the sentence for a login that was refused.
 *
 * Pure; any thread.
 */
#pragma once

#include "transport/identities.h"

struct refusal {
    const char *server; /* its name */
    const char *user;
    const char *words; /* the server's own, or NULL */
    const struct identities *ids;
    const struct ssh_options *options;
    bool password; /* was tried */
    int methods;   /* that the server takes: SSH_AUTH_METHOD bits, 0: not known */
};

/* Fills *err with ERROR_AUTH. Returns -1. */
int refusal_error(const struct refusal *r, struct error *err);
