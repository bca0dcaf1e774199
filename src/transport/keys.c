/*
 * keys: see keys.h.
 *
 * Keys are kept in a list, newest first, that only grows: a run knows a handful of them. A file is
 * read outside the lock; when two threads read the same one at the same time, the second throws
 * its copy away.
 */
#include "transport/keys.h"

#include "base/fd.h"
#include "base/str.h"
#include "input/hostkey.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)
#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_END "-----END OPENSSH PRIVATE KEY-----"
#define OPENSSH_MAGIC "openssh-key-v1" /* and its NUL */

struct keys {
    pthread_mutex_t lock;
    struct key *first;
};

int keys_new(struct keys **ret, struct error *err) {
    struct keys *k = calloc(1, sizeof(*k));
    if (!k)
        return error_memory(err);
    pthread_mutex_init(&k->lock, NULL);
    *ret = k;
    return 0;
}

static void key_free(struct key *key) {
    if (!key)
        return;
    SSH_KEY_FREE(key->private);
    SSH_KEY_FREE(key->certified);
    free(key->public);
    free(key->path);
    free(key);
}

static void key_freep(struct key **key) {
    key_free(*key);
}

void keys_free(struct keys *k) {
    if (!k)
        return;
    while (k->first) {
        struct key *next = k->first->next;
        key_free(k->first);
        k->first = next;
    }
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- reading files ------------------------------------------------------------------------- */

/* for cleanup(): private keys do not stay in freed memory */
static void secret_done(struct str *s) {
    if (s->data)
        OPENSSL_cleanse(s->data, s->cap);
    str_done(s);
}

/* A file that can be read, and who may read it; false when there is none or it cannot be. */
static bool read_file(const char *path, struct str *out, struct stat *st, int *os) {
    struct error ignored;
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, st) != 0) {
        *os = errno;
        return false;
    }
    *os = EINVAL;
    if (!S_ISREG(st->st_mode) || fd_read_all(fd, path, FILE_MAX, out, &ignored) != 0)
        return false;
    return out->data && memchr(out->data, '\0', out->len) == NULL;
}

/* The first line of a public key file as its type and base64: "ssh-ed25519 AAAA... comment". */
static char *public_of_line(const char *text) {
    size_t type = strcspn(text, " \t\r\n");
    const char *key = text + type + strspn(text + type, " \t");
    size_t n = strcspn(key, " \t\r\n");
    return n > 16 && strncmp(key, "AAAA", 4) == 0 ? strndup(key, n) : NULL;
}

static char *public_beside(const char *path) {
    cleanup(str_done) struct str name = {0}, text = {0};
    struct stat st;
    int os;
    str_addf(&name, "%s.pub", path);
    if (name.failed || !read_file(name.data, &text, &st, &os))
        return NULL;
    return public_of_line(text.data);
}

/* ---- OpenSSH's own format ------------------------------------------------------------------ */

struct bytes {
    const unsigned char *p;
    size_t n;
};

/* Takes a string, its length in four bytes before it, off the front of `from`. */
static bool take_string(struct bytes *from, struct bytes *ret) {
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

static char *to_base64(struct bytes b) {
    char *text = malloc((b.n + 2) / 3 * 4 + 1);
    if (text)
        EVP_EncodeBlock((unsigned char *)text, b.p, (int)b.n);
    return text;
}

/* Decodes what stands between the two markers, white space left out. */
static bool decode_body(const char *text, struct str *out) {
    const char *p = text + strlen(OPENSSH_BEGIN);
    const char *end = strstr(p, OPENSSH_END);
    cleanup(secret_done) struct str plain = {0};
    /* all at once: growing it would leave a copy behind */
    if (!end || !str_room(&plain, (size_t)(end - p)))
        return false;
    for (; p < end; p++)
        if (!strchr(" \t\r\n", *p))
            str_add_char(&plain, *p);
    return !plain.failed && plain.len > 0 && base64_decode(plain.data, plain.len, out);
}

/* Whether the private half is in clear; also takes the public half out. */
static bool openssh_is_plain(const char *text, struct key *key) {
    cleanup(secret_done) struct str body = {0};
    struct bytes rest, cipher, kdf, kdf_options, blob;
    if (!decode_body(text, &body) || body.len < sizeof(OPENSSH_MAGIC) ||
        memcmp(body.data, OPENSSH_MAGIC, sizeof(OPENSSH_MAGIC)) != 0)
        goto damaged;
    rest = (struct bytes){(unsigned char *)body.data + sizeof(OPENSSH_MAGIC),
                          body.len - sizeof(OPENSSH_MAGIC)};
    if (!take_string(&rest, &cipher) || !take_string(&rest, &kdf) ||
        !take_string(&rest, &kdf_options) || rest.n < 4)
        goto damaged;
    rest.p += 4; /* how many keys there are: OpenSSH knows only one */
    rest.n -= 4;
    if (!take_string(&rest, &blob) || blob.n == 0)
        goto damaged;
    key->public = to_base64(blob);
    if (cipher.n == 4 && memcmp(cipher.p, "none", 4) == 0)
        return true;
    key->state = KEY_ENCRYPTED;
    return false;
damaged:
    key->state = KEY_UNUSABLE;
    key->why = "is damaged";
    return false;
}

/* ---- one key ------------------------------------------------------------------------------- */

static bool is_plain(const char *text, struct key *key) {
    const char *begin = strstr(text, OPENSSH_BEGIN);
    if (begin)
        return openssh_is_plain(begin, key);
    if (strstr(text, "Proc-Type: 4,ENCRYPTED") || strstr(text, "BEGIN ENCRYPTED PRIVATE KEY")) {
        key->state = KEY_ENCRYPTED;
        return false;
    }
    if (strstr(text, "PRIVATE KEY-----"))
        return true;
    key->public = public_of_line(text);
    key->state = key->public ? KEY_PUBLIC : KEY_UNUSABLE;
    key->why = "is no key";
    return false;
}

/* Encrypted keys do not come this far; should one, nobody is asked on the terminal. */
static int no_passphrase(const char *prompt __attribute__((unused)),
                         char *buf __attribute__((unused)), size_t len __attribute__((unused)),
                         int echo __attribute__((unused)), int verify __attribute__((unused)),
                         void *data __attribute__((unused))) {
    return -1;
}

static ssh_key import_private(const char *text) {
    ssh_key key = NULL;
    if (ssh_pki_import_privkey_base64(text, NULL, no_passphrase, NULL, &key) != SSH_OK)
        return NULL;
    return key;
}

static void load_certificate(struct key *key, const char *text) {
    cleanup(str_done) struct str name = {0};
    str_addf(&name, "%s-cert.pub", key->path);
    ssh_key cert = NULL;
    if (name.failed || access(name.data, R_OK) != 0 ||
        ssh_pki_import_cert_file(name.data, &cert) != SSH_OK)
        return;
    ssh_key both = import_private(text);
    if (both && ssh_pki_copy_cert_to_privkey(cert, both) == SSH_OK)
        key->certified = both;
    else
        ssh_key_free(both);
    ssh_key_free(cert);
}

static void load_plain(struct key *key, const char *text, const struct stat *st) {
    key->state = KEY_UNUSABLE;
    if (st->st_uid == getuid() && (st->st_mode & 077)) {
        key->why = "may be read by others";
        return;
    }
    key->private = import_private(text);
    if (!key->private) {
        key->why = "cannot be read as a private key";
        return;
    }
    key->state = KEY_READY;
    if (!key->public) {
        ssh_key public = NULL;
        if (ssh_pki_export_privkey_to_pubkey(key->private, &public) == SSH_OK &&
            ssh_pki_export_pubkey_base64(public, &key->public) != SSH_OK)
            key->public = NULL;
        ssh_key_free(public);
    }
    load_certificate(key, text);
}

static void load(struct key *key) {
    cleanup(secret_done) struct str text = {0};
    struct stat st;
    int os;
    if (!read_file(key->path, &text, &st, &os)) {
        key->state = os == ENOENT || os == ENOTDIR ? KEY_MISSING : KEY_UNUSABLE;
        key->why = "cannot be read";
    } else if (is_plain(text.data, key)) {
        load_plain(key, text.data, &st);
    }
    if (!key->public)
        key->public = public_beside(key->path);
    if (key->state == KEY_MISSING && key->public)
        key->state = KEY_PUBLIC;
}

static struct key *find_locked(struct keys *k, const char *path) {
    struct key *key = k->first;
    while (key && strcmp(key->path, path) != 0)
        key = key->next;
    return key;
}

static const struct key *find(struct keys *k, const char *path) {
    pthread_mutex_lock(&k->lock);
    struct key *key = find_locked(k, path);
    pthread_mutex_unlock(&k->lock);
    return key;
}

static const struct key *insert(struct keys *k, struct key **key) {
    pthread_mutex_lock(&k->lock);
    struct key *kept = find_locked(k, (*key)->path);
    if (!kept) {
        kept = TAKE(*key);
        kept->next = k->first;
        k->first = kept;
    }
    pthread_mutex_unlock(&k->lock);
    return kept;
}

int keys_get(struct keys *k, const char *path, const struct key **ret, struct error *err) {
    const struct key *known = find(k, path);
    if (!known) {
        cleanup(key_freep) struct key *key = calloc(1, sizeof(*key));
        if (!key || !(key->path = strdup(path)))
            return error_memory(err);
        load(key);
        known = insert(k, &key);
    }
    *ret = known;
    return 0;
}
