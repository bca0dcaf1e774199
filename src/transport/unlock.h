/*
 * unlock: asks for the passphrases of encrypted keys before a run, so that no worker ever waits for
 * somebody at a terminal, and no prompt comes between the lines of the log.
 *
 * ssh asks when a server accepts the key. What a server will accept is not known before the run, so
 * a key is asked for when a server would otherwise be left without any, or when it is named for the
 * server (IdentityFile, the inventory) and is not just one of the usual names in ~/.ssh. Each key
 * is asked for once a run, however many servers need it, and decrypted once.
 *
 * Threads: before any other thread uses the keys.
 */
#pragma once

#include "input/sshconfig.h"
#include "transport/keyring.h"
#include "transport/keys.h"

/*
 * Asks for the passphrase of the key file at `path`; `again` after a wrong one. The string, on the
 * heap, is overwritten and freed by the caller. An error says that there will be none.
 */
typedef int passphrase_fn(const char *path, bool again, char **ret, struct error *err);

struct unlock {
    struct sshconfig *config;
    struct keys *keys;
    struct keyring *keyring;
    struct cancel *cancel;
    passphrase_fn *ask;
};

/* Servers whose options cannot be had in time are passed over. Fails with ERROR_INTERNAL. */
int unlock_keys(const struct unlock *u, const struct servers *servers, struct error *err) must_use;
