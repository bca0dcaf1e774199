/*
 * keys: key files, each read once per run and shared by all sessions.
 *
 * Threads: any thread may ask; a struct key is read-only and lives as long as the keys.
 * keys_unlock() alone changes one, and is called before other threads are there.
 */
#pragma once

#include "base/error.h"
#include "transport/keyfile.h"

struct keys;

int keys_new(struct keys **ret, struct error *err) must_use;
void keys_free(struct keys *k);

/*
 * The key at `path`: a private key, or a public one or a certificate, in the file itself or in
 * `path`.pub. Fails with ERROR_INTERNAL only; what is wrong with the file is its state.
 */
int keys_get(struct keys *k, const char *path, const struct key **ret, struct error *err) must_use;

/*
 * The private key with the certificate, for libssh to log in with; *ret is NULL when they do not go
 * together. Fails with ERROR_INTERNAL only.
 */
int keys_certified(struct keys *k, const struct key *key, const struct pubkey *certificate,
                   ssh_key *ret, struct error *err) must_use;

/* Opens an encrypted key for all sessions. Whether the passphrase was right. */
bool keys_unlock(struct keys *k, const char *path, const char *passphrase);

/* Says of an encrypted key that stays so why it does: "is encrypted and ...". */
void keys_explain(struct keys *k, const char *path, const char *why);
