/*
 * keys: see keys.h.
 *
 * Two search trees that only grow: files by path, and pairs of a private key and a certificate.
 * What is missing is made outside the lock; when two threads make the same at the same time, the
 * second throws its copy away.
 */
#include "transport/keys.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* pointers: both live as long as the keys, or as the agent's list, which lives as long */
struct pair {
    const struct key *key;
    const struct pubkey *certificate;
    ssh_key both; /* NULL: they do not go together */
};

struct keys {
    pthread_mutex_t lock;
    /* guarded by lock: */
    void *files;
    void *pairs;
};

static int compare_files(const void *x, const void *y) {
    const struct key *a = x, *b = y;
    return strcmp(a->path, b->path);
}

static int compare_addresses(const void *x, const void *y) {
    return ((uintptr_t)x > (uintptr_t)y) - ((uintptr_t)x < (uintptr_t)y);
}

static int compare_pairs(const void *x, const void *y) {
    const struct pair *a = x, *b = y;
    int order = compare_addresses(a->key, b->key);
    return order ? order : compare_addresses(a->certificate, b->certificate);
}

static void free_file(void *key) {
    keyfile_free(key);
}

static void free_pair(void *pair) {
    ssh_key_free(((struct pair *)pair)->both);
    free(pair);
}

int keys_new(struct keys **ret, struct error *err) {
    struct keys *k = calloc(1, sizeof(*k));
    if (!k)
        return error_memory(err);
    pthread_mutex_init(&k->lock, NULL);
    *ret = k;
    return 0;
}

void keys_free(struct keys *k) {
    if (!k)
        return;
    tdestroy(k->pairs, free_pair);
    tdestroy(k->files, free_file);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

typedef int compare_fn(const void *, const void *);

static void *find(struct keys *k, void *const *tree, const void *like, compare_fn *compare) {
    pthread_mutex_lock(&k->lock);
    void *const *found = tfind(like, tree, compare);
    void *item = found ? *found : NULL;
    pthread_mutex_unlock(&k->lock);
    return item;
}

/* The one that is kept, which may be another's; NULL: no memory. What is not kept is freed. */
static void *keep(struct keys *k, void **tree, void *item, compare_fn *compare,
                  void (*free_item)(void *)) {
    pthread_mutex_lock(&k->lock);
    void *const *found = tsearch(item, tree, compare);
    void *kept = found ? *found : NULL;
    pthread_mutex_unlock(&k->lock);
    if (kept != item)
        free_item(item);
    return kept;
}

int keys_get(struct keys *k, const char *path, const struct key **ret, struct error *err) {
    struct key like = {.path = (char *)path}, *key;
    *ret = find(k, &k->files, &like, compare_files);
    if (*ret)
        return 0;
    if (keyfile_load(path, &key) < 0)
        return error_os(err, ERROR_INTERNAL, errno, "cannot read the key %s", path);
    *ret = keep(k, &k->files, key, compare_files, free_file);
    return *ret ? 0 : error_memory(err);
}

static struct pair *make_pair(const struct key *key, const struct pubkey *certificate) {
    struct pair *pair = malloc(sizeof(*pair));
    if (!pair)
        return NULL;
    *pair = (struct pair){key, certificate, ssh_key_dup(key->private)};
    if (pair->both && certificate->key &&
        ssh_pki_copy_cert_to_privkey(certificate->key, pair->both) == SSH_OK)
        return pair;
    ssh_key_free(pair->both);
    pair->both = NULL;
    return pair;
}

int keys_certified(struct keys *k, const struct key *key, const struct pubkey *certificate,
                   ssh_key *ret, struct error *err) {
    struct pair like = {.key = key, .certificate = certificate};
    struct pair *pair = find(k, &k->pairs, &like, compare_pairs);
    if (!pair) {
        pair = make_pair(key, certificate);
        pair = pair ? keep(k, &k->pairs, pair, compare_pairs, free_pair) : NULL;
    }
    if (!pair)
        return error_memory(err);
    *ret = pair->both;
    return 0;
}

bool keys_unlock(struct keys *k, const char *path, const char *passphrase) {
    struct key like = {.path = (char *)path};
    struct key *key = find(k, &k->files, &like, compare_files);
    return key && keyfile_unlock(key, passphrase);
}

void keys_explain(struct keys *k, const char *path, const char *why) {
    struct key like = {.path = (char *)path};
    struct key *key = find(k, &k->files, &like, compare_files);
    if (key && key->state == KEY_ENCRYPTED)
        snprintf(key->why, sizeof(key->why), "%s", why);
}
