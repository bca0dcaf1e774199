/*
 * pubkey: see pubkey.h.
 *
 * A certificate is its type, a nonce, the fields of the key that it certifies, a serial number and
 * whether it is a user's or a host's (OpenSSH's PROTOCOL.certkeys). How many fields a key has is
 * all that must be known of its type to take the plain key out.
 *
 * Pure; any thread.
 */
#include "transport/pubkey.h"

#include "base/str.h"
#include "input/hostkey.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define SERIAL_SIZE 8
#define OF_USER 1

static const struct {
    const char *plain;
    const char *certificate;
    size_t fields; /* after the type */
} TYPES[] = {
    {"ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", 2},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com", 2},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com", 2},
    {"ssh-rsa", "ssh-rsa-cert-v01@openssh.com", 2},
    {"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com", 2},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 3},
};

bool bytes_take(struct bytes *from, struct bytes *ret) {
    if (from->n < 4)
        return false;
    size_t n =
        (size_t)from->p[0] << 24 | (size_t)from->p[1] << 16 | (size_t)from->p[2] << 8 | from->p[3];
    if (n > from->n - 4)
        return false;
    *ret = (struct bytes){from->p + 4, n};
    from->p += 4 + n;
    from->n -= 4 + n;
    return true;
}

bool bytes_skip(struct bytes *from, size_t n) {
    if (from->n < n)
        return false;
    from->p += n;
    from->n -= n;
    return true;
}

bool bytes_begin(struct bytes b, const char *text) {
    return b.n >= strlen(text) && memcmp(b.p, text, strlen(text)) == 0;
}

bool bytes_are(struct bytes b, const char *text) {
    return b.n == strlen(text) && bytes_begin(b, text);
}

static char *to_base64(const void *p, size_t n) {
    char *text = malloc((n + 2) / 3 * 4 + 1);
    if (text)
        EVP_EncodeBlock((unsigned char *)text, p, (int)n);
    return text;
}

static int bits_of(struct bytes number) {
    while (number.n > 0 && *number.p == 0) {
        number.p++;
        number.n--;
    }
    int bits = (int)number.n * 8;
    for (int top = number.n ? *number.p : 0x80; !(top & 0x80); top <<= 1)
        bits--;
    return bits;
}

/* The type with its length before it, and then the fields. */
static char *plain_blob(const char *type, struct bytes fields) {
    cleanup(str_done) struct str s = {0};
    const char head[] = {0, 0, 0, (char)strlen(type)};
    str_add_bytes(&s, head, sizeof(head));
    str_add(&s, type);
    str_add_bytes(&s, fields.p, fields.n);
    return s.failed ? NULL : to_base64(s.data, s.len);
}

static bool is_of_user(struct bytes rest) {
    static const unsigned char user[] = {0, 0, 0, OF_USER};
    return rest.n >= SERIAL_SIZE + sizeof(user) &&
           memcmp(rest.p + SERIAL_SIZE, user, sizeof(user)) == 0;
}

/* Takes the key apart; *usable says whether it could log a user in. */
static int take_apart(struct pubkey *k, bool *usable) {
    struct bytes rest = {k->raw, k->raw_len}, type, nonce, field = {0};
    *usable = false;
    if (!bytes_take(&rest, &type))
        return 0;
    size_t i = 0;
    while (i < ARRAY_LEN(TYPES) && !bytes_are(type, TYPES[i].plain) &&
           !bytes_are(type, TYPES[i].certificate))
        i++;
    if (i == ARRAY_LEN(TYPES))
        return 0;
    bool certificate = bytes_are(type, TYPES[i].certificate);
    if (certificate && !bytes_take(&rest, &nonce))
        return 0;
    struct bytes fields = rest;
    for (size_t n = 0; n < TYPES[i].fields; n++)
        if (!bytes_take(&rest, &field))
            return 0;
    fields.n -= rest.n;
    if (certificate && !is_of_user(rest))
        return 0;
    if (strcmp(TYPES[i].plain, "ssh-rsa") == 0)
        k->rsa_bits = bits_of(field); /* the modulus is the last one */
    k->security_key = strncmp(TYPES[i].plain, "sk-", 3) == 0;
    k->type = strndup((const char *)type.p, type.n);
    k->certifies = certificate ? plain_blob(TYPES[i].plain, fields) : NULL;
    *usable = true;
    return !k->type || (certificate && !k->certifies) ? -1 : 0;
}

static ssh_key import(const struct pubkey *k) {
    enum ssh_keytypes_e type = ssh_key_type_from_name(k->type);
    ssh_key key = NULL;
    int rc = k->certifies ? ssh_pki_import_cert_base64(k->blob, type, &key)
                          : ssh_pki_import_pubkey_base64(k->blob, type, &key);
    return rc == SSH_OK ? key : NULL;
}

static void pubkey_freep(struct pubkey **k) {
    pubkey_free(*k);
}

int pubkey_new(const void *raw, size_t n, struct pubkey **ret) {
    cleanup(pubkey_freep) struct pubkey *k = calloc(1, sizeof(*k));
    *ret = NULL;
    if (!k || !(k->raw = malloc(n + 1)) || !(k->blob = to_base64(raw, n)))
        return -1;
    memcpy(k->raw, raw, n);
    k->raw_len = n;
    bool usable;
    if (take_apart(k, &usable) < 0)
        return -1;
    if (!usable)
        return 0;
    errno = 0;
    k->key = import(k);
    if (!k->key && errno == ENOMEM) /* a type that the library does not know is no reason to fail */
        return -1;
    *ret = TAKE(k);
    return 0;
}

int pubkey_new_base64(const char *text, size_t n, struct pubkey **ret) {
    cleanup(str_done) struct str raw = {0};
    *ret = NULL;
    if (!base64_decode(text, n, &raw))
        return raw.failed ? -1 : 0;
    return pubkey_new(raw.data, raw.len, ret);
}

int pubkey_of(ssh_key private, struct pubkey **ret) {
    ssh_key public = NULL;
    char *text = NULL;
    *ret = NULL;
    if (ssh_pki_export_privkey_to_pubkey(private, &public) != SSH_OK)
        return 0;
    int rc = ssh_pki_export_pubkey_base64(public, &text);
    ssh_key_free(public);
    if (rc != SSH_OK)
        return 0;
    rc = pubkey_new_base64(text, strlen(text), ret);
    ssh_string_free_char(text);
    return rc;
}

void pubkey_free(struct pubkey *k) {
    if (!k)
        return;
    ssh_key_free(k->key);
    free(k->blob);
    free(k->certifies);
    free(k->raw);
    free(k->type);
    free(k);
}

static bool has_word(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, n) == 0 && (p[n] == ',' || p[n] == '\0'))
            return true;
    }
    return false;
}

bool pubkey_allowed(const struct pubkey *k, const char *algorithms) {
    static const char *const rsa[][2] = {{"rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com"},
                                         {"rsa-sha2-256", "rsa-sha2-256-cert-v01@openssh.com"}};
    if (!algorithms || has_word(algorithms, k->type))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(rsa) && k->rsa_bits; i++)
        if (has_word(algorithms, rsa[i][k->certifies != NULL]))
            return true;
    return false;
}
