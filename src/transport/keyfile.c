/*
 * keyfile: see keyfile.h.
 *
 * libssh 0.10 reads every format that OpenSSH writes, but dereferences NULL on a file in OpenSSH's
 * format whose cipher authenticates (aes*-gcm, chacha20-poly1305), and asks on the terminal when it
 * is not told what to do with an encrypted one. So only text that is_plain(), or a file with a
 * cipher of CIPHERS and a passphrase, comes to it.
 */
#include "transport/keyfile.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/text.h"
#include "input/hostkey.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)
#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_END "-----END OPENSSH PRIVATE KEY-----"
#define OPENSSH_MAGIC "openssh-key-v1" /* and its NUL */
#define ENCRYPTED "is encrypted and there is no terminal to ask for its passphrase: ssh-add it"

/* of OpenSSH's format, those that libssh can decrypt */
static const char *const CIPHERS[] = {"3des-cbc",   "aes128-cbc", "aes192-cbc", "aes256-cbc",
                                      "aes128-ctr", "aes192-ctr", "aes256-ctr"};

void keyfile_free(struct key *key) {
    if (!key)
        return;
    ssh_key_free(key->private);
    pubkey_free(key->public);
    free(key->path);
    free(key);
}

static void key_freep(struct key **key) {
    keyfile_free(*key);
}

static void explain(struct key *key, enum key_state state, const char *why) {
    key->state = state;
    snprintf(key->why, sizeof(key->why), "%s", why);
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
    struct error err = {.os = EINVAL};
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, st) != 0) {
        *os = errno;
        return false;
    }
    bool read = S_ISREG(st->st_mode) && fd_read_all(fd, path, FILE_MAX, out, &err) == 0;
    *os = err.os;
    if (!read)
        return false;
    return out->data && memchr(out->data, '\0', out->len) == NULL;
}

/* A line of a public key file: "ssh-ed25519 AAAA... comment", comments and blank lines before it.
 */
static int read_public(const char *text, struct pubkey **ret) {
    *ret = NULL;
    while (*text == '#' || *text == '\n' || *text == '\r') {
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    size_t type = strcspn(text, " \t\r\n");
    const char *key = text + type + strspn(text + type, " \t");
    size_t n = strcspn(key, " \t\r\n");
    return n > 16 && strncmp(key, "AAAA", 4) == 0 ? pubkey_new_base64(key, n, ret) : 0;
}

static int read_public_beside(const char *path, struct pubkey **ret) {
    cleanup(str_done) struct str name = {0}, text = {0};
    struct stat st;
    int os;
    *ret = NULL;
    str_addf(&name, "%s.pub", path);
    if (name.failed)
        return -1;
    if (read_file(name.data, &text, &st, &os))
        return read_public(text.data, ret);
    return error_os_is_shortage(os) ? -1 : 0;
}

/* ---- OpenSSH's own format ------------------------------------------------------------------ */

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

/* What stands in clear: the cipher and the public half. */
static bool read_head(const char *text, struct str *body, struct bytes *cipher,
                      struct bytes *public) {
    struct bytes kdf, options;
    if (!decode_body(text, body) || body->len < sizeof(OPENSSH_MAGIC) ||
        memcmp(body->data, OPENSSH_MAGIC, sizeof(OPENSSH_MAGIC)) != 0)
        return false;
    struct bytes rest = {(unsigned char *)body->data + sizeof(OPENSSH_MAGIC),
                         body->len - sizeof(OPENSSH_MAGIC)};
    /* behind these stands how many keys there are: OpenSSH knows only one */
    return bytes_take(&rest, cipher) && bytes_take(&rest, &kdf) && bytes_take(&rest, &options) &&
           bytes_skip(&rest, 4) && bytes_take(&rest, public) && public->n > 0;
}

static void judge_cipher(struct key *key, struct bytes cipher) {
    for (size_t i = 0; i < ARRAY_LEN(CIPHERS); i++)
        if (bytes_are(cipher, CIPHERS[i])) {
            explain(key, KEY_ENCRYPTED, ENCRYPTED);
            return;
        }
    cleanup(str_done) struct str name = {0};
    text_add_printable(&name, (const char *)cipher.p, cipher.n, 40);
    key->state = KEY_UNUSABLE;
    snprintf(key->why, sizeof(key->why),
             "is encrypted with %s, which only ssh-add can undo: ssh-add it",
             name.data ? name.data : "");
}

/* Whether the private half is in clear. */
static int look_at_openssh(const char *text, struct key *key, bool *plain) {
    cleanup(secret_done) struct str body = {0};
    struct bytes cipher, public;
    *plain = false;
    if (!read_head(text, &body, &cipher, &public)) {
        explain(key, KEY_UNUSABLE, "is damaged");
        return 0;
    }
    if (pubkey_new(public.p, public.n, &key->public) < 0)
        return -1;
    *plain = bytes_are(cipher, "none");
    if (key->public && key->public->security_key) {
        *plain = false; /* libssh could not use the hardware */
        explain(key, KEY_UNUSABLE, "is on a security key");
    } else if (!*plain)
        judge_cipher(key, cipher);
    return 0;
}

/* ---- one key ------------------------------------------------------------------------------- */

/* Whether the text is a private key in clear; fills what the file says by itself. */
static int look_at(const char *text, struct key *key, bool *plain) {
    const char *openssh = strstr(text, OPENSSH_BEGIN);
    *plain = false;
    if (openssh)
        return look_at_openssh(openssh, key, plain);
    if (strstr(text, "Proc-Type: 4,ENCRYPTED") || strstr(text, "BEGIN ENCRYPTED PRIVATE KEY")) {
        explain(key, KEY_ENCRYPTED, ENCRYPTED);
        return 0;
    }
    *plain = strstr(text, "PRIVATE KEY-----") != NULL;
    if (*plain)
        return 0;
    int rc = read_public(text, &key->public);
    if (key->public)
        explain(key, KEY_PUBLIC, "is no private key");
    else
        explain(key, KEY_UNUSABLE, "is no key");
    return rc;
}

/* Encrypted keys without a passphrase do not come this far; should one, nobody is asked. */
static int no_passphrase(const char *prompt __attribute__((unused)),
                         char *buf __attribute__((unused)), size_t len __attribute__((unused)),
                         int echo __attribute__((unused)), int verify __attribute__((unused)),
                         void *data __attribute__((unused))) {
    return -1;
}

/* NULL, and errno ENOMEM where that is why; the library does not tell. */
static ssh_key import_private(const char *text, const char *passphrase) {
    ssh_key key = NULL;
    errno = 0;
    if (ssh_pki_import_privkey_base64(text, passphrase, no_passphrase, NULL, &key) != SSH_OK)
        return NULL;
    return key;
}

/* A key without its public half could not be offered. */
static int take_private(struct key *key, ssh_key private) {
    int rc = 0;
    if (private && !key->public) {
        key->derived = true;
        rc = pubkey_of(private, &key->public);
    }
    if (!private || !key->public) {
        ssh_key_free(private);
        if (errno == ENOMEM)
            return -1;
        explain(key, KEY_UNUSABLE, "cannot be read as a private key");
        return rc;
    }
    key->private = private;
    key->state = KEY_READY;
    return 0;
}

static bool is_open_to_others(const struct stat *st) {
    return st->st_uid == getuid() && (st->st_mode & 077);
}

static int load(struct key *key) {
    cleanup(secret_done) struct str text = {0};
    struct stat st;
    int os;
    bool plain = false;
    if (!read_file(key->path, &text, &st, &os)) {
        bool missing = os == ENOENT || os == ENOTDIR;
        if (error_os_is_shortage(os)) {
            errno = os;
            return -1;
        }
        explain(key, missing ? KEY_MISSING : KEY_UNUSABLE,
                missing ? "is not there" : "cannot be read");
    } else if (look_at(text.data, key, &plain) < 0)
        return -1;
    if (!key->public && read_public_beside(key->path, &key->public) < 0)
        return -1;
    if (key->state == KEY_MISSING && key->public)
        key->state = KEY_PUBLIC;
    if ((plain || key->state == KEY_ENCRYPTED) && is_open_to_others(&st))
        explain(key, KEY_UNUSABLE, "may be read by others");
    else if (plain)
        return take_private(key, import_private(text.data, NULL));
    return 0;
}

int keyfile_load(const char *path, struct key **ret) {
    cleanup(key_freep) struct key *key = calloc(1, sizeof(*key));
    if (!key || !(key->path = strdup(path)) || load(key) < 0) {
        errno = error_os_is_shortage(errno) ? errno : ENOMEM;
        return -1;
    }
    *ret = TAKE(key);
    return 0;
}

bool keyfile_unlock(struct key *key, const char *passphrase) {
    cleanup(secret_done) struct str text = {0};
    struct stat st;
    int os;
    /* libssh takes an empty passphrase for none, and would ask */
    if (key->state != KEY_ENCRYPTED || !*passphrase || !read_file(key->path, &text, &st, &os))
        return false;
    ssh_key private = import_private(text.data, passphrase);
    return private && take_private(key, private) == 0 && key->state == KEY_READY;
}
