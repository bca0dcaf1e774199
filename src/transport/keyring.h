/*
 * keyring: the keys of an ssh-agent, and signatures by them.
 *
 * libssh's own use of an agent hangs for ever once the server has disconnected, offers every key
 * without a choice, and trusts the agent to answer. Here the agent's keys are listed once per run
 * with a deadline, by a small client of the agent's protocol (draft-miller-ssh-agent), and the
 * caller chooses. To offer one, libssh is let near an agent that has that single key: it is played
 * by a thread of ours over a socket pair, which hands the request of a signature on to the real
 * agent and ends with the deadline. So a key on a security key works, which libssh knows nothing
 * of but its public half, and so does a certificate that lies in a file.
 *
 * Threads: any thread may ask; a list is read-only and lives as long as the keyring.
 */
#pragma once

#include "transport/link.h"
#include "transport/pubkey.h"

#include <stddef.h>

struct keyring;

struct agent_keys {
    struct agent_keys *next;
    char *path;      /* the agent's socket */
    const char *why; /* NULL, or why there is no list: "does not answer" */
    struct pubkey **items;
    size_t count;
};

int keyring_new(struct keyring **ret, struct error *err) must_use;
void keyring_free(struct keyring *k);

/*
 * The keys of the agent at `path`; keys that libssh does not know are left out. An agent that
 * cannot be asked is no error: the list is empty and says why. Fails with ERROR_INTERRUPTED or
 * ERROR_INTERNAL.
 */
int keyring_list(struct keyring *k, const char *path, struct cancel *cancel, int64_t deadline,
                 const struct agent_keys **ret, struct error *err) must_use;

/* What came of logging in with a key. */
struct signature {
    int rc;       /* SSH_AUTH_SUCCESS, PARTIAL, DENIED or ERROR */
    bool wanted;  /* the server would have taken the key, but the agent did not sign */
    bool refused; /* and said so, so that it may sign for another program */
};

/*
 * Offers `shown` and, when the server accepts it, logs in. The agent signs with `signs`, which is
 * the same, or the key that the certificate `shown` is for. Fails with the errors of link_error()
 * but ERROR_CONNECTION_LOST, and with ERROR_INTERNAL.
 */
int keyring_sign_in(const struct agent_keys *agent, const struct pubkey *shown,
                    const struct pubkey *signs, struct link *l, int64_t deadline,
                    struct signature *ret, struct error *err) must_use;
