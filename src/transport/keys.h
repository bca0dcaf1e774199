/*
 * keys: private key files, each read once per run and shared by all sessions.
 *
 * A file is looked at before libssh sees it: an encrypted one is never handed over (the library
 * crashes on some ciphers, and nobody is there to type a passphrase), but its public half, which
 * stands in it in clear or beside it in FILE.pub, still tells which key of the agent is meant.
 * As with OpenSSH, a key that others may read is not used.
 *
 * Threads: any thread may ask; a struct key is read-only from then on and lives as long as the
 * keys.
 */
#pragma once

#include "base/error.h"

#include <libssh/libssh.h>

enum key_state {
    KEY_READY,
    KEY_PUBLIC,    /* only the public half is there: good for choosing a key of the agent */
    KEY_ENCRYPTED, /* the private half cannot be used */
    KEY_MISSING,   /* no such file */
    KEY_UNUSABLE,  /* see why */
};

struct key {
    struct key *next;
    char *path;
    enum key_state state;
    ssh_key private;   /* KEY_READY only */
    ssh_key certified; /* the same key with the certificate of FILE-cert.pub, or NULL */
    char *public;      /* base64 of the public half, or NULL when it is not known */
    const char *why;   /* KEY_UNUSABLE: what is wrong with it */
};

struct keys;

int keys_new(struct keys **ret, struct error *err) must_use;
void keys_free(struct keys *k);

/* The key at `path`. Fails with ERROR_INTERNAL only; what is wrong with the file is its state. */
int keys_get(struct keys *k, const char *path, const struct key **ret, struct error *err) must_use;
