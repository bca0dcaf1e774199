/*
 * ssh: sessions over SSH, in this process, by libssh.
 *
 * How a server is reached is what OpenSSH would do (input/sshconfig.h). What is the same for all
 * servers is prepared once and shared: configuration, keys, the agent's list, known hosts. A server
 * that libssh cannot reach as the user's configuration wants it (PKCS11Provider, say) is carried by
 * the user's own ssh program, which is logged once a run.
 *
 * Errors of a session beside those in transport.h: ERROR_UNSUPPORTED, when the server logs in but
 * runs no commands.
 *
 * Threads: any thread may open sessions; a session belongs to the thread that uses it.
 */
#pragma once

#include "base/clock.h"
#include "sync/cancel.h"
#include "transport/transport.h"
#include "transport/unlock.h"

#define SSH_LOGIN_TIMEOUT (30 * CLOCK_S)
#define SSH_HANDSHAKES 64

/* NULL and 0: not given. All but `cancel` is copied. */
struct ssh_settings {
    const char *user;
    int port;
    const char *config_file; /* ssh's -F */
    int64_t connect_timeout; /* ns, of each server; else ConnectTimeout, else 10 s */
    int64_t login_timeout;   /* ns, from the connection to the end of the login */
    int handshakes;          /* at once, whatever the fan-out (transport/gate.h) */
    double start_rate;       /* new sessions a second; any number, when 0 */
    int jump_channels;       /* of a connection to a jump host; else JUMP_CHANNELS */
    const char *password;    /* for servers that take no key */
    struct cancel *cancel;
};

/*
 * Call it before any other thread starts: it initialises libssh and OpenSSL's generators. Fails
 * with ERROR_USAGE (an ssh_config that is refused) or ERROR_INTERNAL.
 */
int transport_ssh_new(const struct ssh_settings *settings, struct transport **ret,
                      struct error *err) must_use;

/*
 * Asks for the passphrases of the keys that the servers need (transport/unlock.h), before any
 * session is opened.
 */
int transport_ssh_unlock(struct transport *t, const struct servers *servers, passphrase_fn *ask,
                         struct error *err) must_use;

/* How a server will be reached, as far as that is known without connecting. */
struct ssh_route {
    const struct ssh_options *options;
    const char *program; /* why the ssh program will carry it; NULL: muster reaches it by itself */
};

/*
 * Tells the route, which lives as long as the transport, and calls `each` for every value that the
 * user's configuration sets for the server (see sshconfig_explain()). Fails as opening does before
 * it connects.
 */
int transport_ssh_explain(struct transport *t, const struct server *server, int64_t deadline,
                          void (*each)(void *arg, const struct sshconfig_value *value), void *arg,
                          struct ssh_route *ret, struct error *err) must_use;

/* The most handshakes that were ever going on at once. */
int transport_ssh_most_handshakes(struct transport *t);
