/*
 * hosthash: see hosthash.h.
 *
 * A search has to try every hidden name, so what can be is worked out before: what depends on the
 * salt alone (two of HMAC's four SHA-1 blocks) when a hidden name is read, and the padded block of
 * the name that is looked for once a search. What is left is two turns of SHA-1's compression,
 * which only libcrypto's low-level interface gives out; through EVP a name costs five times as
 * much.
 *
 * Pure but for the salt of hosthash_write(); any thread.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include "input/hosthash.h"

#include "input/hostkey.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { SUM = SHA_DIGEST_LENGTH, SUM_BASE64 = 28 };

/* SHA-1 from a state that one block was already put into. */
static SHA_CTX resume(const uint32_t state[5]) {
    return (SHA_CTX){.h0 = state[0],
                     .h1 = state[1],
                     .h2 = state[2],
                     .h3 = state[3],
                     .h4 = state[4],
                     .Nl = SHA_CBLOCK * 8};
}

static void keep(const SHA_CTX *c, uint32_t state[5]) {
    state[0] = c->h0;
    state[1] = c->h1;
    state[2] = c->h2;
    state[3] = c->h3;
    state[4] = c->h4;
}

/* The state after the block that HMAC (RFC 2104) makes of its key. */
static void start(const unsigned char salt[SUM], unsigned char pad, uint32_t state[5]) {
    unsigned char block[SHA_CBLOCK];
    memset(block, pad, sizeof(block));
    for (int i = 0; i < SUM; i++)
        block[i] ^= salt[i];
    SHA_CTX c;
    SHA1_Init(&c);
    SHA1_Transform(&c, block);
    keep(&c, state);
}

static void salted(struct hosthash *h, const unsigned char salt[SUM]) {
    start(salt, 0x36, h->inner);
    start(salt, 0x5c, h->outer);
}

static void store(unsigned char *out, uint32_t word) {
    out[0] = (unsigned char)(word >> 24);
    out[1] = (unsigned char)(word >> 16);
    out[2] = (unsigned char)(word >> 8);
    out[3] = (unsigned char)word;
}

static uint32_t load(const unsigned char *in) {
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* The last block of a message of n bytes that are in it, behind a block that was there before. */
static void end_block(unsigned char block[SHA_CBLOCK], size_t n) {
    block[n] = 0x80;
    memset(block + n + 1, 0, SHA_CBLOCK - n - 1);
    store(block + SHA_CBLOCK - 4, (uint32_t)(SHA_CBLOCK + n) * 8);
}

void hosthash_name(const char *name, size_t n, struct hosthash_name *ret) {
    ret->name = name;
    ret->n = n;
    if (n > HOSTHASH_SHORT)
        return;
    memcpy(ret->block, name, n);
    end_block(ret->block, n);
}

static void sum_of(const struct hosthash *h, const struct hosthash_name *name, uint32_t sum[5]) {
    unsigned char block[SHA_CBLOCK];
    SHA_CTX c = resume(h->inner);
    if (name->n <= HOSTHASH_SHORT) {
        SHA1_Transform(&c, name->block);
    } else {
        SHA1_Update(&c, name->name, name->n);
        SHA1_Final(block, &c);
    }
    keep(&c, sum);
    for (int i = 0; i < 5; i++)
        store(block + 4 * i, sum[i]);
    end_block(block, SUM);
    c = resume(h->outer);
    SHA1_Transform(&c, block);
    keep(&c, sum);
}

bool hosthash_read(const char *text, struct hosthash *ret, struct str *scratch) {
    if (strncmp(text, "|1|", 3) != 0 || strlen(text) != 3 + SUM_BASE64 + 1 + SUM_BASE64 ||
        text[3 + SUM_BASE64] != '|')
        return false;
    const char *salt = text + 3;
    if (!base64_decode(salt, SUM_BASE64, scratch) || scratch->len != SUM)
        return false;
    salted(ret, (const unsigned char *)scratch->data);
    if (!base64_decode(salt + SUM_BASE64 + 1, SUM_BASE64, scratch) || scratch->len != SUM)
        return false;
    for (int i = 0; i < 5; i++)
        ret->sum[i] = load((const unsigned char *)scratch->data + 4 * i);
    return true;
}

bool hosthash_is(const struct hosthash *h, const struct hosthash_name *name) {
    uint32_t sum[5];
    sum_of(h, name, sum);
    return memcmp(sum, h->sum, sizeof(sum)) == 0;
}

int hosthash_write(const char *name, char out[HOSTHASH_TEXT], struct error *err) {
    unsigned char salt[SUM], sum[SUM];
    if (RAND_bytes(salt, SUM) != 1)
        return error_set(err, ERROR_INTERNAL, "no random bytes to hide the name in");
    struct hosthash h;
    struct hosthash_name hashed;
    salted(&h, salt);
    hosthash_name(name, strlen(name), &hashed);
    sum_of(&h, &hashed, h.sum);
    for (int i = 0; i < 5; i++)
        store(sum + 4 * i, h.sum[i]);
    unsigned char text[2][SUM_BASE64 + 1];
    EVP_EncodeBlock(text[0], salt, SUM);
    EVP_EncodeBlock(text[1], sum, SUM);
    snprintf(out, HOSTHASH_TEXT, "|1|%s|%s", text[0], text[1]);
    return 0;
}
