/* hostkey: see hostkey.h. Tables are kept as keys.c keeps keys. */
#include "transport/hostkey.h"

#include "input/hostkey.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

/* What muster asks for when the user has no wish of his own; RSA with SHA-1 is not among them. */
static const char *const ALGORITHMS = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
                                      "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

#define TYPES_MAX 16
#define FINGERPRINT 64 /* "SHA256:" and 43 characters of base64 */

struct table {
    struct table *next;
    char *files; /* their names, each ended by a newline */
    struct knownhosts *known;
};

struct hostkeys {
    pthread_mutex_t lock;
    struct table *first;
};

int hostkeys_new(struct hostkeys **ret, struct error *err) {
    struct hostkeys *h = calloc(1, sizeof(*h));
    if (!h)
        return error_memory(err);
    pthread_mutex_init(&h->lock, NULL);
    *ret = h;
    return 0;
}

static void table_free(struct table *t) {
    if (!t)
        return;
    knownhosts_free(t->known);
    free(t->files);
    free(t);
}

static void table_freep(struct table **t) {
    table_free(*t);
}

void hostkeys_free(struct hostkeys *h) {
    if (!h)
        return;
    while (h->first) {
        struct table *next = h->first->next;
        table_free(h->first);
        h->first = next;
    }
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* ---- tables -------------------------------------------------------------------------------- */

/* The user's files and then the system's; NULL when memory ran out. */
static const char **all_files(const struct ssh_options *o, size_t *count) {
    size_t n = o->user_known_hosts_count + o->global_known_hosts_count;
    const char **files = calloc(n ? n : 1, sizeof(*files));
    *count = n;
    if (!files)
        return NULL;
    for (size_t i = 0; i < o->user_known_hosts_count; i++)
        files[i] = o->user_known_hosts[i];
    for (size_t i = 0; i < o->global_known_hosts_count; i++)
        files[o->user_known_hosts_count + i] = o->global_known_hosts[i];
    return files;
}

static struct table *find_locked(struct hostkeys *h, const char *files) {
    struct table *t = h->first;
    while (t && strcmp(t->files, files) != 0)
        t = t->next;
    return t;
}

static int load_table(struct hostkeys *h, const struct ssh_options *options, struct str *names,
                      const struct knownhosts **ret, struct error *err) {
    size_t count;
    cleanup(free_ptr) const char **files = all_files(options, &count);
    cleanup(table_freep) struct table *t = calloc(1, sizeof(*t));
    if (!files || !t || !(t->files = str_take(names)))
        return error_memory(err);
    if (knownhosts_load(files, count, &t->known, err) != 0)
        return -1;
    pthread_mutex_lock(&h->lock);
    struct table *kept = find_locked(h, t->files);
    if (!kept) {
        kept = TAKE(t);
        kept->next = h->first;
        h->first = kept;
    }
    pthread_mutex_unlock(&h->lock);
    *ret = kept->known;
    return 0;
}

int hostkeys_table(struct hostkeys *h, const struct ssh_options *options,
                   const struct knownhosts **ret, struct error *err) {
    cleanup(str_done) struct str names = {0};
    for (size_t i = 0; i < options->user_known_hosts_count; i++)
        str_addf(&names, "%s\n", options->user_known_hosts[i]);
    for (size_t i = 0; i < options->global_known_hosts_count; i++)
        str_addf(&names, "%s\n", options->global_known_hosts[i]);
    str_add(&names, "");
    if (names.failed)
        return error_memory(err);
    pthread_mutex_lock(&h->lock);
    struct table *t = find_locked(h, names.data);
    pthread_mutex_unlock(&h->lock);
    if (!t)
        return load_table(h, options, &names, ret, err);
    *ret = t->known;
    return 0;
}

/* ---- what to ask for ----------------------------------------------------------------------- */

/* The name in the files: an alias stands for host and port. */
static const char *host_of(const struct ssh_options *o) {
    return o->host_key_alias ? o->host_key_alias : o->hostname;
}

static int port_of(const struct ssh_options *o) {
    return o->host_key_alias ? 0 : o->port;
}

bool hostkey_needs_certificate(const struct knownhosts *table, const struct ssh_options *options) {
    const char *types[1];
    return knownhosts_has_authority(table, host_of(options), port_of(options)) &&
           knownhosts_types(table, host_of(options), port_of(options), types, 1) == 0;
}

/* Whether the algorithm signs with a key of this type. */
static bool signs_with(const char *algorithm, size_t n, const char *type) {
    if (strcmp(type, "ssh-rsa") == 0 && n >= 9 && strncmp(algorithm, "rsa-sha2-", 9) == 0)
        return true;
    return strlen(type) == n && strncmp(algorithm, type, n) == 0;
}

static bool is_known(const char *algorithm, size_t n, const char *const *types, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (signs_with(algorithm, n, types[i]))
            return true;
    return false;
}

void hostkey_add_algorithms(const struct knownhosts *table, const struct ssh_options *options,
                            struct str *out) {
    const char *types[TYPES_MAX];
    size_t count = knownhosts_types(table, host_of(options), port_of(options), types, TYPES_MAX);
    const char *wanted = options->host_key_algorithms ? options->host_key_algorithms : ALGORITHMS;
    size_t start = out->len;
    for (int known = 1; known >= 0; known--)
        for (const char *p = wanted; *p; p += *p == ',') {
            size_t n = strcspn(p, ",");
            if (n > 0 && is_known(p, n, types, count) == (known == 1)) {
                if (out->len > start)
                    str_add_char(out, ',');
                str_add_bytes(out, p, n);
            }
            p += n;
        }
}

/* ---- judging ------------------------------------------------------------------------------- */

struct shown {
    const char *name;
    char *key;     /* base64 */
    char type[64]; /* as the key itself says */
    char fingerprint[FINGERPRINT];
};

static void fingerprint(const char *base64, char out[FINGERPRINT]) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    cleanup(str_done) struct str key = {0};
    if (!base64_decode(base64, strlen(base64), &key) ||
        !EVP_Digest(key.data, key.len, sum, NULL, EVP_sha256(), NULL)) {
        strcpy(out, "SHA256:?");
        return;
    }
    strcpy(out, "SHA256:");
    EVP_EncodeBlock((unsigned char *)out + strlen(out), sum, 32);
    out[strcspn(out, "=")] = '\0';
}

/* A key begins with its type, a string of less than 256 bytes. */
static bool type_of(const char *base64, char *out, size_t size) {
    cleanup(str_done) struct str key = {0};
    if (!base64_decode(base64, strlen(base64), &key) || key.len < 4)
        return false;
    size_t n = (unsigned char)key.data[3];
    if (memcmp(key.data, "\0\0", 3) != 0 || n > key.len - 4 || n >= size)
        return false;
    memcpy(out, key.data + 4, n);
    out[n] = '\0';
    return true;
}

static int get_shown(ssh_session session, struct shown *s, struct error *err) {
    ssh_key key = NULL;
    int rc = ssh_get_server_publickey(session, &key);
    if (rc == SSH_OK)
        rc = ssh_pki_export_pubkey_base64(key, &s->key);
    ssh_key_free(key);
    if (rc != SSH_OK || !type_of(s->key, s->type, sizeof(s->type)))
        return error_set(err, ERROR_HOST_KEY, "the host key of %s cannot be read", s->name);
    fingerprint(s->key, s->fingerprint);
    return 0;
}

static int keep(const struct ssh_options *o, const struct shown *s, struct error *err) {
    if (o->user_known_hosts_count == 0)
        return 0;
    return knownhosts_append(o->user_known_hosts[0], host_of(o), port_of(o), s->type, s->key,
                             o->hash_known_hosts, err);
}

static int unknown(const struct ssh_options *o, const struct shown *s, struct error *err) {
    if (o->host_key_checking != HOST_KEY_STRICT)
        return keep(o, s, err);
    const char *file = o->user_known_hosts_count ? o->user_known_hosts[0] : "any known_hosts file";
    return error_set(
        err, ERROR_HOST_KEY,
        "the host key of %s is not known: %s %s is not in %s; log in with ssh once, or "
        "set StrictHostKeyChecking accept-new",
        s->name, s->type, s->fingerprint, file);
}

static int changed(const struct knownhosts_answer *a, const struct shown *s, struct error *err) {
    char known[FINGERPRINT];
    fingerprint(a->known_key, known);
    return error_set(err, ERROR_HOST_KEY,
                     "the host key of %s has changed: it shows %s %s, and %s line %d has %s %s; "
                     "mend that line if the change was yours",
                     s->name, s->type, s->fingerprint, a->file, a->line, a->known_type, known);
}

static int judge(const struct knownhosts *table, const struct ssh_options *o, const struct shown *s,
                 bool *trusted, struct error *err) {
    struct knownhosts_answer a;
    knownhosts_check(table, host_of(o), port_of(o), s->key, &a);
    *trusted = true;
    switch (a.status) {
    case KNOWNHOSTS_MATCH:
        return 0;
    case KNOWNHOSTS_UNKNOWN:
        return unknown(o, s, err);
    case KNOWNHOSTS_REVOKED:
        return error_set(err, ERROR_HOST_KEY, "the host key of %s is revoked: %s %s, by %s line %d",
                         s->name, s->type, s->fingerprint, a.file, a.line);
    case KNOWNHOSTS_CHANGED:
        *trusted = false;
        return o->host_key_checking == HOST_KEY_OFF ? 0 : changed(&a, s, err);
    }
    return error_set(err, ERROR_INTERNAL, "the host key of %s was not judged", s->name);
}

int hostkey_check(const struct knownhosts *table, const struct ssh_options *options,
                  const char *name, ssh_session session, bool *trusted, struct error *err) {
    struct shown s = {.name = name};
    int rc = get_shown(session, &s, err);
    if (rc == 0)
        rc = judge(table, options, &s, trusted, err);
    ssh_string_free_char(s.key);
    return rc;
}
