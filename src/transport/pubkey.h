/*
 * pubkey: a public key or a certificate, taken apart as far as logging in needs it.
 *
 * Threads: read-only once made.
 */
#pragma once

#include "base/attr.h"

#include <libssh/libssh.h>
#include <stdbool.h>
#include <stddef.h>

/* A part of a message: what it points to belongs to the message. */
struct bytes {
    const unsigned char *p;
    size_t n;
};

/* Takes a string, its length in four bytes before it, off the front of `from` (RFC 4251 5). */
bool bytes_take(struct bytes *from, struct bytes *ret);

bool bytes_skip(struct bytes *from, size_t n);
bool bytes_begin(struct bytes b, const char *text);
bool bytes_are(struct bytes b, const char *text);

struct pubkey {
    char *blob;      /* base64: a key is known by it */
    char *certifies; /* of a certificate: the blob of its key; else NULL */
    unsigned char *raw;
    size_t raw_len;
    char *type;        /* "ssh-ed25519", "ssh-rsa-cert-v01@openssh.com" */
    bool security_key; /* only hardware can sign with it */
    int rsa_bits;      /* 0: it is no RSA key */
    ssh_key key;       /* NULL: libssh does not know the kind */
};

/*
 * *ret is NULL when it is no key that could log a user in: damaged, or a certificate of a host.
 * Returns 0, or -1 when memory ran out.
 */
int pubkey_new(const void *raw, size_t n, struct pubkey **ret) must_use;

/* As pubkey_new(), from base64. */
int pubkey_new_base64(const char *text, size_t n, struct pubkey **ret) must_use;

/* The public half of a private key. */
int pubkey_of(ssh_key private, struct pubkey **ret) must_use;

void pubkey_free(struct pubkey *k);

/*
 * Whether a list of algorithms of ssh_config, `a,b,c` with everything spelled out, has one that the
 * key can sign with. NULL: every one is allowed.
 */
bool pubkey_allowed(const struct pubkey *k, const char *algorithms);
