/*
 * keyring: the keys of an ssh-agent, and signatures by them.
 *
 * libssh's own use of an agent hangs for ever once the server has disconnected, offers every key
 * without a choice, and trusts the agent to answer. Here the agent's keys are listed once per run
 * with a deadline, by a small client of the agent's protocol (draft-miller-ssh-agent), and offered
 * by the caller. Only to sign for the one that the server accepts is libssh let near an agent: one
 * with that single key, played by a thread of ours over a socket pair, which hands the signature's
 * request on to the real agent and ends with the deadline.
 *
 * Threads: any thread may ask; a list is read-only and lives as long as the keyring.
 */
#pragma once

#include "transport/link.h"

#include <stddef.h>

struct keyring;

struct agent_key {
    ssh_key public;
    char *blob; /* base64 */
    unsigned char *raw;
    size_t raw_len;
};

struct agent_keys {
    struct agent_keys *next;
    char *path;      /* the agent's socket */
    const char *why; /* NULL, or why there is no list: "does not answer" */
    struct agent_key *items;
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

/*
 * Logs in with a key that the server has accepted. *rc is an SSH_AUTH code: SUCCESS, PARTIAL,
 * DENIED, or ERROR when the agent did not sign or the connection was lost. Fails with the errors of
 * link_error() but ERROR_CONNECTION_LOST, and with ERROR_INTERNAL.
 */
int keyring_sign_in(const struct agent_keys *keys, const struct agent_key *key, struct link *l,
                    int64_t deadline, int *rc, struct error *err) must_use;
