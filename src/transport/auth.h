/*
 * auth: logs a session in.
 *
 * With the methods and in the order that OpenSSH has them: those of PreferredAuthentications that
 * are switched on and that the server takes, begun anew whenever the server's list changes, as it
 * does when one of several has been passed. Keys are offered one after the other
 * (transport/identities.h); the password is given once by each of `keyboard-interactive` and
 * `password`. `none`, which a user without a password passes, is asked first, but where there is
 * just one key: that is offered at once, which saves a round trip, and `none` comes last.
 *
 * Threads: any thread; the link is the caller's.
 */
#pragma once

#include "transport/identities.h"

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
 * keyring_list(). Where the ssh program may have more luck, *unsupported then says why; else it is
 * left alone.
 */
int auth_login(struct link *l, const struct auth_request *r, int64_t deadline,
               const char **unsupported, struct error *err) must_use;
