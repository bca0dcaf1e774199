/*
 * security_key: a security key without hardware, for ssh-keygen -w, ssh-add -S and
 * $SSH_SK_PROVIDER.
 *
 * It has the functions of OpenSSH's interface to such middleware (PROTOCOL.u2f), for Ed25519. The
 * handle of a key, which the hardware would have wrapped, is the private key itself. Nobody has to
 * touch anything.
 */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION 0x000a0000
#define ED25519 1
#define UNSUPPORTED (-2)
#define FAILED (-1)
#define KEY_SIZE 32
#define SIGNATURE_SIZE 64
#define PRESENT 1 /* a flag: the user has touched it */

struct sk_option;

struct sk_enroll_response {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct sk_sign_response {
    uint8_t flags;
    uint32_t counter;
    uint8_t *sig_r;
    size_t sig_r_len;
    uint8_t *sig_s;
    size_t sig_s_len;
};

uint32_t sk_api_version(void);
int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_len,
              const char *application, uint8_t flags, const char *pin, struct sk_option **options,
              struct sk_enroll_response **ret);
int sk_sign(uint32_t algorithm, const uint8_t *data, size_t len, const char *application,
            const uint8_t *handle, size_t handle_len, uint8_t flags, const char *pin,
            struct sk_option **options, struct sk_sign_response **ret);
int sk_load_resident_keys(const char *pin, struct sk_option **options, void ***keys, size_t *count);

uint32_t sk_api_version(void) {
    return API_VERSION;
}

int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_len,
              const char *application, uint8_t flags, const char *pin, struct sk_option **options,
              struct sk_enroll_response **ret) {
    (void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
    if (algorithm != ED25519)
        return UNSUPPORTED;
    struct sk_enroll_response *r = calloc(1, sizeof(*r));
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!r || !key)
        return FAILED;
    *r = (struct sk_enroll_response){.flags = flags,
                                     .public_key = malloc(KEY_SIZE),
                                     .public_key_len = KEY_SIZE,
                                     .key_handle = malloc(KEY_SIZE),
                                     .key_handle_len = KEY_SIZE,
                                     /* of an attestation, which nobody looks at */
                                     .signature = calloc(1, SIGNATURE_SIZE),
                                     .signature_len = SIGNATURE_SIZE,
                                     .attestation_cert = calloc(1, 1),
                                     .attestation_cert_len = 1,
                                     .authdata = calloc(1, 1),
                                     .authdata_len = 1};
    EVP_PKEY_get_raw_public_key(key, r->public_key, &r->public_key_len);
    EVP_PKEY_get_raw_private_key(key, r->key_handle, &r->key_handle_len);
    EVP_PKEY_free(key);
    *ret = r;
    return 0;
}

int sk_sign(uint32_t algorithm, const uint8_t *data, size_t len, const char *application,
            const uint8_t *handle, size_t handle_len, uint8_t flags, const char *pin,
            struct sk_option **options, struct sk_sign_response **ret) {
    (void)pin, (void)options;
    /* the application's hash, flags, a counter of four bytes, the message's hash */
    uint8_t message[SHA256_DIGEST_LENGTH + 1 + 4 + SHA256_DIGEST_LENGTH] = {0};
    SHA256((const uint8_t *)application, strlen(application), message);
    message[SHA256_DIGEST_LENGTH] = flags & PRESENT;
    message[SHA256_DIGEST_LENGTH + 4] = 1;
    SHA256(data, len, message + SHA256_DIGEST_LENGTH + 5);
    struct sk_sign_response *r = calloc(1, sizeof(*r));
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, handle, handle_len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (algorithm != ED25519 || !r || !key || !context)
        return FAILED;
    *r = (struct sk_sign_response){.flags = flags & PRESENT,
                                   .counter = 1,
                                   .sig_r = malloc(SIGNATURE_SIZE),
                                   .sig_r_len = SIGNATURE_SIZE};
    int ok = EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(context, r->sig_r, &r->sig_r_len, message, sizeof(message)) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    *ret = r;
    return ok ? 0 : FAILED;
}

int sk_load_resident_keys(const char *pin, struct sk_option **options, void ***keys,
                          size_t *count) {
    (void)pin, (void)options, (void)keys;
    *count = 0;
    return 0;
}
