/*
 * hosthash: see hosthash.h.
 *
 * A look-up has to try every hidden name, so what depends on the salt alone (two of HMAC's four
 * SHA-1 blocks) is worked out when a name is read. That needs the state of an unfinished SHA-1,
 * which only libcrypto's low-level interface gives out; through EVP a name costs six times as much.
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

static SHA_CTX resume(const uint32_t state[5]) {
    return (SHA_CTX){.h0 = state[0],
                     .h1 = state[1],
                     .h2 = state[2],
                     .h3 = state[3],
                     .h4 = state[4],
                     .Nl = SHA_CBLOCK * 8};
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
    state[0] = c.h0;
    state[1] = c.h1;
    state[2] = c.h2;
    state[3] = c.h3;
    state[4] = c.h4;
}

static void salted(struct hosthash *h, const unsigned char salt[SUM]) {
    start(salt, 0x36, h->inner);
    start(salt, 0x5c, h->outer);
}

static void sum_of(const struct hosthash *h, const char *name, size_t n, unsigned char sum[SUM]) {
    SHA_CTX c = resume(h->inner);
    SHA1_Update(&c, name, n);
    SHA1_Final(sum, &c);
    c = resume(h->outer);
    SHA1_Update(&c, sum, SUM);
    SHA1_Final(sum, &c);
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
    memcpy(ret->sum, scratch->data, SUM);
    return true;
}

bool hosthash_is(const struct hosthash *h, const char *name, size_t n) {
    unsigned char sum[SUM];
    sum_of(h, name, n, sum);
    return memcmp(sum, h->sum, SUM) == 0;
}

int hosthash_write(const char *name, char out[HOSTHASH_TEXT], struct error *err) {
    unsigned char salt[SUM];
    if (RAND_bytes(salt, SUM) != 1)
        return error_set(err, ERROR_INTERNAL, "no random bytes for hiding a host name");
    struct hosthash h;
    salted(&h, salt);
    sum_of(&h, name, strlen(name), h.sum);
    unsigned char text[2][SUM_BASE64 + 1];
    EVP_EncodeBlock(text[0], salt, SUM);
    EVP_EncodeBlock(text[1], h.sum, SUM);
    snprintf(out, HOSTHASH_TEXT, "|1|%s|%s", text[0], text[1]);
    return 0;
}
