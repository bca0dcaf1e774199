/*
 * keyfile: a file that holds a private key, a public key or a certificate.
 *
 * Read are OpenSSH's own format, PEM (PKCS#1, SEC1) and PKCS#8, and the one line of a .pub file. A
 * file is looked at before libssh sees it: the library crashes on some ciphers. As with OpenSSH, a
 * key that others may read is not used, and the public half of one that cannot be used, which
 * stands in the file in clear or beside it in FILE.pub, still tells which key is meant.
 *
 * Threads: a struct key belongs to the caller until it is shared, and is read-only from then on.
 */
#pragma once

#include "transport/pubkey.h"

enum key_state {
    KEY_READY,
    KEY_PUBLIC,    /* only a public half or a certificate is there */
    KEY_ENCRYPTED, /* a passphrase would open it */
    KEY_MISSING,   /* no such file */
    KEY_UNUSABLE,
};

struct key {
    char *path;
    enum key_state state;
    ssh_key private;       /* KEY_READY only */
    struct pubkey *public; /* NULL when it is not known */
    bool derived;          /* the public half was only known from the private one */
    char why[120];         /* not KEY_READY: what is wrong with it, "is encrypted ..." */
};

/*
 * Returns 0 whatever is wrong with the file (see its state), or -1 with errno when memory or
 * descriptors ran out, which is no property of the file.
 */
int keyfile_load(const char *path, struct key **ret) must_use;

/* Decrypts the private half, which takes long on purpose (0.1 s). Whether the passphrase was right.
 */
bool keyfile_unlock(struct key *key, const char *passphrase);

void keyfile_free(struct key *key);
