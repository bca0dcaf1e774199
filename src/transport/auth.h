/*
 * auth: logs a session in.
 *
 * In OpenSSH's order: the agent's keys that stand among the identity files, the agent's other keys
 * (unless IdentitiesOnly), the key files that the agent does not have, each with its certificate
 * first; then the password, once, by whichever of `password` and `keyboard-interactive` the server
 * takes, so that a wrong one counts once only. No key is offered twice.
 *
 * Threads: any thread; the link is the caller's.
 */
#pragma once

#include "input/sshconfig.h"
#include "transport/keyring.h"
#include "transport/keys.h"

struct auth_request {
    const char *server;   /* its name, for sentences */
    const char *identity; /* the server's own key file, before the options', or NULL */
    const struct ssh_options *options;
    struct keys *keys;
    struct keyring *keyring;
    const char *password; /* NULL: there is none, or it may not be sent */
};

/*
 * Fails with ERROR_AUTH, what was tried in the sentence, or with the errors of link_error() and
 * keyring_list().
 */
int auth_login(struct link *l, const struct auth_request *r, int64_t deadline,
               struct error *err) must_use;
