/*
 * sshlink: from a server's resolved options to a link that is logged in.
 *
 * Servers and jump hosts are reached by this one way: a place at the gate, a connection
 * (transport/dial.h), the key exchange, the host key, the login, each with its deadline and its
 * sentence. libssh is given no chance to read files of its own, to connect, to judge host keys or
 * to choose among keys: each of these is done here or beside, because the library does them per
 * session, without a deadline, or not as OpenSSH does.
 *
 * Threads: any thread; a link belongs to the thread that uses it.
 */
#pragma once

#include "input/sshconfig.h"
#include "transport/connect.h"
#include "transport/hostkey.h"
#include "transport/keyring.h"
#include "transport/keys.h"
#include "transport/link.h"

/* What all links of a run share; it guards itself, but for what is read-only. */
struct sshkit {
    struct cancel *cancel; /* borrowed */
    struct sshconfig *config;
    struct keys *keys;
    struct keyring *keyring;
    struct hostkeys *hostkeys;
    struct resolver *resolver;
    struct gate *gate;
    struct pace *pace;   /* of all that start */
    struct pace *direct; /* and of those that no jump host carries */
    struct jumps *jumps;
    int64_t connect_timeout; /* ns, 0: ConnectTimeout, or CONNECT_TIMEOUT */
    int64_t login_timeout;
    char *password; /* NULL: there is none */
};

#define CONNECT_TIMEOUT (10 * CLOCK_S)

/* All of it borrowed. */
struct sshlink_request {
    const char *name;     /* of the server, for sentences */
    const char *identity; /* the server's own key file, before the options', or NULL */
    const struct ssh_options *options;
    int64_t deadline;
};

/*
 * Fills *link, which link_done() ends in any case, and `address`, where it is connected to; the
 * link's `peer` is that text. When the library cannot do what the options ask for, or what the
 * server turns out to take, it returns 0 with *unsupported saying why: the ssh program must take
 * the server. Fails with ERROR_UNREACHABLE, ERROR_HOST_KEY, ERROR_AUTH, ERROR_TIMEOUT,
 * ERROR_INTERRUPTED or ERROR_INTERNAL.
 */
int sshlink_open(const struct sshkit *kit, const struct sshlink_request *request, struct link *link,
                 char address[ADDRESS_TEXT], const char **unsupported, struct error *err) must_use;

/*
 * Without connecting: *why is what keeps the library from reaching the server as its options want
 * it, or NULL when nothing is known to. Fails with ERROR_HOST_KEY or ERROR_INTERNAL.
 */
int sshlink_unsupported(const struct sshkit *kit, const struct sshlink_request *request,
                        const char **why, struct error *err) must_use;

/* How long the connecting to a server may take. */
int64_t sshkit_connect_timeout(const struct sshkit *kit, const struct ssh_options *options);
