/*
 * hostkey: see hostkey.h.
 *
 * Files are kept as keys.c keeps keys. New keys that were accepted are remembered for the run: the
 * table was read before they were written, and a server that shows another key when it is reached
 * again, or under another name, must be refused as ssh would refuse it.
 */
#include "transport/hostkey.h"

#include "input/hostjudge.h"
#include "input/hostkey.h"
#include "input/revoked.h"
#include "sync/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* What muster asks for when the user has no wish of his own; RSA with SHA-1 is not among them. */
static const char *const ALGORITHMS = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
                                      "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

#define FINGERPRINT 64 /* "SHA256:" and 43 characters of base64 */

/* one list of known_hosts files, or one of revoked keys */
struct table {
    struct table *next;
    char *files; /* their names, each ended by a newline */
    struct knownhosts *known;
    struct revoked *revoked;
};

/* a key that was accepted as new */
struct accepted {
    char *key;
    char name[]; /* of the host, as in the files */
};

struct hostkeys {
    struct cancel *cancel;
    pthread_mutex_t lock;
    struct table *first;
    void *accepted; /* a tree, by name */
};

struct hostkey {
    struct hostkeys *all;
    const struct ssh_options *options;
    const char *name;
    const struct knownhosts *known;
    const struct revoked *revoked; /* NULL: not set */
    struct hostjudge_lines lines;  /* the address's only once it is connected to */
    bool authority;
};

int hostkeys_new(struct cancel *cancel, struct hostkeys **ret, struct error *err) {
    struct hostkeys *h = calloc(1, sizeof(*h));
    if (!h)
        return error_memory(err);
    h->cancel = cancel;
    pthread_mutex_init(&h->lock, NULL);
    *ret = h;
    return 0;
}

static void table_free(struct table *t) {
    if (!t)
        return;
    knownhosts_free(t->known);
    revoked_free(t->revoked);
    free(t->files);
    free(t);
}

static void table_freep(struct table **t) {
    table_free(*t);
}

static void accepted_free(void *p) {
    struct accepted *a = p;
    free(a->key);
    free(a);
}

void hostkeys_free(struct hostkeys *h) {
    if (!h)
        return;
    while (h->first) {
        struct table *next = h->first->next;
        table_free(h->first);
        h->first = next;
    }
    tdestroy(h->accepted, accepted_free);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* ---- tables -------------------------------------------------------------------------------- */

static struct table *find_locked(struct hostkeys *h, const char *files, bool revoked) {
    struct table *t = h->first;
    while (t && (!t->revoked == revoked || strcmp(t->files, files) != 0))
        t = t->next;
    return t;
}

/* Keeps a table, unless another thread has read the same files meanwhile. */
static const struct table *keep_table(struct hostkeys *h, struct table **t) {
    pthread_mutex_lock(&h->lock);
    struct table *kept = find_locked(h, (*t)->files, (*t)->revoked);
    if (!kept) {
        kept = TAKE(*t);
        kept->next = h->first;
        h->first = kept;
    }
    pthread_mutex_unlock(&h->lock);
    return kept;
}

static int load_known(const struct ssh_options *o, struct table *t, struct error *err) {
    size_t n = o->user_known_hosts_count, count = n + o->global_known_hosts_count;
    cleanup(free_ptr) const char **files = calloc(count ? count : 1, sizeof(*files));
    if (!files)
        return error_memory(err);
    for (size_t i = 0; i < count; i++)
        files[i] = i < n ? o->user_known_hosts[i] : o->global_known_hosts[i - n];
    return knownhosts_load(files, count, &t->known, err);
}

/* The table of the files, read when it was not yet. */
static int get_table(struct hostkeys *h, const struct ssh_options *o, struct str *files,
                     bool revoked, const struct table **ret, struct error *err) {
    str_add(files, "");
    if (files->failed)
        return error_memory(err);
    pthread_mutex_lock(&h->lock);
    *ret = find_locked(h, files->data, revoked);
    pthread_mutex_unlock(&h->lock);
    if (*ret)
        return 0;
    cleanup(table_freep) struct table *t = calloc(1, sizeof(*t));
    if (!t || !(t->files = str_take(files)))
        return error_memory(err);
    if ((revoked ? revoked_load(o->revoked_host_keys, &t->revoked, err) : load_known(o, t, err)) <
        0)
        return -1;
    *ret = keep_table(h, &t);
    return 0;
}

static int get_known(struct hostkey *k, struct error *err) {
    const struct ssh_options *o = k->options;
    cleanup(str_done) struct str files = {0};
    const struct table *t;
    for (size_t i = 0; i < o->user_known_hosts_count; i++)
        str_addf(&files, "%s\n", o->user_known_hosts[i]);
    for (size_t i = 0; i < o->global_known_hosts_count; i++)
        str_addf(&files, "%s\n", o->global_known_hosts[i]);
    if (get_table(k->all, o, &files, false, &t, err) < 0)
        return -1;
    k->known = t->known;
    return 0;
}

static int get_revoked(struct hostkey *k, struct error *err) {
    cleanup(str_done) struct str file = {0};
    const struct table *t;
    if (!k->options->revoked_host_keys)
        return 0;
    str_add(&file, k->options->revoked_host_keys);
    if (get_table(k->all, k->options, &file, true, &t, err) < 0)
        return -1;
    k->revoked = t->revoked;
    return 0;
}

/* ---- one server ---------------------------------------------------------------------------- */

/* The name in the files: an alias stands for host and port. */
static const char *host_of(const struct ssh_options *o) {
    return o->host_key_alias ? o->host_key_alias : o->hostname;
}

static int port_of(const struct ssh_options *o) {
    return o->host_key_alias ? 0 : o->port;
}

/* Whether the host's name in the files has a port that it may be known without. */
static bool has_bare_name(const struct ssh_options *o) {
    return !knownhosts_bare(port_of(o));
}

static void hostkey_freep(struct hostkey **k) {
    hostkey_free(*k);
}

int hostkey_new(struct hostkeys *h, const struct ssh_options *options, const char *name,
                struct hostkey **ret, struct error *err) {
    cleanup(hostkey_freep) struct hostkey *k = calloc(1, sizeof(*k));
    if (!k)
        return error_memory(err);
    k->all = h;
    k->options = options;
    k->name = name;
    if (get_known(k, err) < 0 || get_revoked(k, err) < 0)
        return -1;
    const char *host = host_of(options);
    if (knownhosts_find(k->known, host, port_of(options), &k->lines.host, err) < 0 ||
        (has_bare_name(options) && knownhosts_find(k->known, host, 0, &k->lines.bare, err) < 0))
        return -1;
    k->authority = hostjudge_has(&k->lines.host, KNOWNHOSTS_AUTHORITY) ||
                   hostjudge_has(&k->lines.bare, KNOWNHOSTS_AUTHORITY);
    *ret = TAKE(k);
    return 0;
}

void hostkey_free(struct hostkey *k) {
    if (!k)
        return;
    hostjudge_lines_done(&k->lines);
    free(k);
}

/* ---- what to ask for ----------------------------------------------------------------------- */

/* Whether ssh would ask for certificates at all. */
static bool wants_certificates(const struct ssh_options *o) {
    return !o->host_key_algorithms || strstr(o->host_key_algorithms, "-cert-v");
}

const char *hostkey_needs_program(const struct hostkey *k) {
    const char *types[1];
    if (k->revoked && revoked_needs_program(k->revoked))
        return revoked_needs_program(k->revoked);
    if (k->authority && wants_certificates(k->options) &&
        hostjudge_types(&k->lines.host, types, 1) == 0)
        return "only a certificate authority is known for its host key";
    return NULL;
}

bool hostkey_heeds_certificates(const struct hostkey *k) {
    return wants_certificates(k->options) &&
           (k->authority || k->revoked || hostjudge_has(&k->lines.host, KNOWNHOSTS_REVOKED) ||
            hostjudge_has(&k->lines.bare, KNOWNHOSTS_REVOKED));
}

/* Whether the algorithm, perhaps that of a certificate, signs with a key of this type. */
static bool signs_with(const char *algorithm, size_t n, const char *type) {
    if (strcmp(type, "ssh-rsa") == 0 && n >= 9 && strncmp(algorithm, "rsa-sha2-", 9) == 0)
        return true;
    size_t length = strlen(type);
    return strncmp(algorithm, type, length) == 0 &&
           (length == n || (n > length && strncmp(algorithm + length, "-cert-v", 7) == 0));
}

static bool is_known(const char *algorithm, const char *const *types, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (signs_with(algorithm, strcspn(algorithm, ","), types[i]))
            return true;
    return false;
}

void hostkey_add_algorithms(const struct hostkey *k, struct str *out) {
    const char *types[HOSTKEY_TYPES];
    size_t count = hostjudge_types(&k->lines.host, types, HOSTKEY_TYPES);
    const char *wanted = k->options->host_key_algorithms;
    if (!wanted)
        wanted = ALGORITHMS;
    /* ssh, too, takes a list as it is whose first type is known */
    if (k->options->host_key_order || is_known(wanted, types, count)) {
        str_add(out, wanted);
        return;
    }
    size_t start = out->len;
    for (int known = 1; known >= 0; known--)
        for (const char *p = wanted; *p; p += *p == ',') {
            size_t n = strcspn(p, ",");
            if (n > 0 && is_known(p, types, count) == (known == 1)) {
                if (out->len > start)
                    str_add_char(out, ',');
                str_add_bytes(out, p, n);
            }
            p += n;
        }
}

/* ---- what it has shown --------------------------------------------------------------------- */

struct shown {
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

static int get_shown(const struct hostkey *k, ssh_session session, struct shown *s,
                     struct error *err) {
    ssh_key key = NULL;
    int rc = ssh_get_server_publickey(session, &key);
    if (rc == SSH_OK)
        rc = ssh_pki_export_pubkey_base64(key, &s->key);
    ssh_key_free(key);
    /* the key exchange has read it: what is lacking is memory */
    errno = 0;
    bool known = rc == SSH_OK && type_of(s->key, s->type, sizeof(s->type));
    if (rc != SSH_OK || (!known && errno == ENOMEM))
        return error_memory(err);
    if (!known)
        return error_set(err, ERROR_HOST_KEY, "the host key of %s cannot be read", k->name);
    fingerprint(s->key, s->fingerprint);
    return 0;
}

/* ---- where it was reached ------------------------------------------------------------------ */

struct peer {
    char address[NI_MAXHOST]; /* numeric; "" when it is unknown, as behind a proxy */
    bool loopback;
};

static void get_peer(ssh_session session, struct peer *ret) {
    struct sockaddr_storage a;
    socklen_t n = sizeof(a);
    *ret = (struct peer){.address = ""};
    if (getpeername(ssh_get_fd(session), (struct sockaddr *)&a, &n) < 0)
        return;
    if (a.ss_family == AF_INET)
        ret->loopback = ntohl(((struct sockaddr_in *)&a)->sin_addr.s_addr) >> 24 == 127;
    else if (a.ss_family == AF_INET6)
        ret->loopback = IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&a)->sin6_addr);
    else
        return;
    if (getnameinfo((struct sockaddr *)&a, n, ret->address, sizeof(ret->address), NULL, 0,
                    NI_NUMERICHOST) != 0)
        *ret->address = '\0';
}

/* Finds what is known of the address, where it is looked at: beside a name, and not this machine's.
 */
static int look_at_address(const struct hostkey *k, const struct peer *peer,
                           struct hostjudge_lines *l, struct error *err) {
    const struct ssh_options *o = k->options;
    if (!o->check_host_ip || !*peer->address || peer->loopback ||
        (strcmp(o->hostname, peer->address) == 0 &&
         (!o->host_key_alias || knownhosts_bare(o->port))))
        return 0;
    l->check_address = true;
    if (knownhosts_find(k->known, peer->address, o->port, &l->address, err) < 0)
        return -1;
    if (has_bare_name(o) &&
        knownhosts_find(k->known, peer->address, 0, &l->bare_address, err) < 0) {
        knownhosts_lines_done(&l->address);
        return -1;
    }
    return 0;
}

/* ---- judging ------------------------------------------------------------------------------- */

static int unknown(const struct hostkey *k, const struct shown *s, struct error *err) {
    const struct ssh_options *o = k->options;
    const char *file = o->user_known_hosts_count ? o->user_known_hosts[0] : "any known_hosts file";
    return error_set(
        err, ERROR_HOST_KEY,
        "the host key of %s is not known: %s %s is not in %s; log in with ssh once, or "
        "set StrictHostKeyChecking accept-new",
        k->name, s->type, s->fingerprint, file);
}

static int changed(const struct hostkey *k, const struct hostjudge_answer *a, const struct shown *s,
                   const char *address, struct error *err) {
    char known[FINGERPRINT];
    fingerprint(a->line->key, known);
    if (a->by_address)
        return error_set(err, ERROR_HOST_KEY,
                         "the host key of %s is not the one of its address %s: it shows %s %s, and "
                         "%s line %d has %s %s (CheckHostIP)",
                         k->name, address, s->type, s->fingerprint, a->line->file, a->line->number,
                         a->line->type, known);
    return error_set(err, ERROR_HOST_KEY,
                     "the host key of %s has changed: it shows %s %s, and %s line %d has %s %s; "
                     "if the change was yours, remove that line and log in with ssh once",
                     k->name, s->type, s->fingerprint, a->line->file, a->line->number,
                     a->line->type, known);
}

static int refused(const struct hostkey *k, const struct hostjudge_answer *a, const struct shown *s,
                   const char *address, struct error *err) {
    switch (a->status) {
    case HOSTJUDGE_UNKNOWN:
        return unknown(k, s, err);
    case HOSTJUDGE_REVOKED:
        return error_set(err, ERROR_HOST_KEY, "the host key of %s is revoked: %s %s, by %s line %d",
                         k->name, s->type, s->fingerprint, a->line->file, a->line->number);
    case HOSTJUDGE_CHANGED:
        return changed(k, a, s, address, err);
    case HOSTJUDGE_MATCH:
        break;
    }
    return error_set(err, ERROR_INTERNAL, "the host key of %s was not judged", k->name);
}

static int by_accepted_name(const void *a, const void *b) {
    return strcmp(((const struct accepted *)a)->name, ((const struct accepted *)b)->name);
}

/* Remembers a new key; *same is false when another was remembered before. */
static int remember(const struct hostkey *k, const struct shown *s, bool *same, struct error *err) {
    cleanup(str_done) struct str name = {0};
    str_addf(&name, "%s %d", host_of(k->options), port_of(k->options));
    struct accepted *a = name.failed ? NULL : calloc(1, sizeof(*a) + name.len + 1);
    if (!a || !(a->key = strdup(s->key))) {
        free(a);
        return error_memory(err);
    }
    memcpy(a->name, name.data, name.len);
    pthread_mutex_lock(&k->all->lock);
    struct accepted *const *kept = tsearch(a, &k->all->accepted, by_accepted_name);
    bool added = kept && *kept == a;
    *same = added || (kept && strcmp((*kept)->key, s->key) == 0);
    pthread_mutex_unlock(&k->all->lock);
    if (!added)
        accepted_free(a);
    return kept ? 0 : error_memory(err);
}

/* Records the key; as with ssh, a file that cannot be written is no reason to refuse. */
static void record(const struct hostkey *k, const struct hostjudge_answer *a, const struct shown *s,
                   const char *address) {
    const struct ssh_options *o = k->options;
    struct knownhosts_addition addition = {.host = a->add_host ? host_of(o) : NULL,
                                           .port = port_of(o),
                                           .address = a->add_address ? address : NULL,
                                           .address_port = o->port,
                                           .type = s->type,
                                           .key = s->key,
                                           .hashed = o->hash_known_hosts,
                                           .cancel = k->all->cancel};
    struct error err;
    if (knownhosts_append(o->user_known_hosts[0], &addition, &err) < 0)
        log_warning("host key not recorded", LOG_S("because", err.text));
}

static int check_revoked(const struct hostkey *k, const struct shown *s, struct error *err) {
    if (!k->revoked)
        return 0;
    const char *unreadable = revoked_unreadable(k->revoked);
    if (unreadable)
        return error_set(err, ERROR_HOST_KEY,
                         "no host key is good while RevokedHostKeys cannot be read: %s",
                         unreadable);
    int line = revoked_line(k->revoked, s->key);
    if (line)
        return error_set(err, ERROR_HOST_KEY, "the host key of %s is revoked: %s %s, by %s line %d",
                         k->name, s->type, s->fingerprint, k->options->revoked_host_keys, line);
    return 0;
}

/* Judges by the lines, which have those of the address by now. */
static int judge(const struct hostkey *k, const struct hostjudge_lines *l, const struct shown *s,
                 const char *address, bool *trusted, struct error *err) {
    const struct ssh_options *o = k->options;
    bool recordable = o->user_known_hosts_count > 0 && knownhosts_recordable(o->hostname);
    struct hostjudge_answer a = {0};
    hostjudge(l, s->key, o->host_key_checking, recordable, &a);
    *trusted = a.trusted;
    if (a.add_host) {
        bool same = false;
        if (remember(k, s, &same, err) < 0)
            return -1;
        if (!same && o->host_key_checking != HOST_KEY_OFF)
            return error_set(err, ERROR_HOST_KEY,
                             "the host key of %s has changed within this run: it shows %s %s now",
                             k->name, s->type, s->fingerprint);
        *trusted &= same;
        a.add_host = same;
    }
    if (a.add_host || a.add_address)
        record(k, &a, s, address);
    return a.accepted ? 0 : refused(k, &a, s, address, err);
}

static int check_shown(const struct hostkey *k, const struct shown *s, const struct peer *peer,
                       bool *trusted, struct error *err) {
    struct hostjudge_lines l = k->lines;
    if (check_revoked(k, s, err) < 0)
        return -1;
    *trusted = true;
    if (k->options->trust_localhost && peer->loopback && !k->options->host_key_alias)
        return 0;
    if (look_at_address(k, peer, &l, err) < 0)
        return -1;
    int rc = judge(k, &l, s, peer->address, trusted, err);
    /* the others are k's */
    knownhosts_lines_done(&l.address);
    knownhosts_lines_done(&l.bare_address);
    return rc;
}

int hostkey_check(const struct hostkey *k, ssh_session session, bool *trusted, struct error *err) {
    struct shown s = {0};
    struct peer peer;
    get_peer(session, &peer);
    int rc = get_shown(k, session, &s, err);
    if (rc == 0)
        rc = check_shown(k, &s, &peer, trusted, err);
    ssh_string_free_char(s.key);
    return rc;
}
