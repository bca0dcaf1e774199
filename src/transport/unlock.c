/*
 * unlock: see unlock.h.
 *
 * What a key is needed for is found out by the list that a login would go through: a key that was
 * opened for one server is ready when the next server is looked at. Those that stay closed are
 * remembered, so that nobody is asked again.
 */
#include "transport/unlock.h"

#include "base/clock.h"
#include "base/vec.h"
#include "input/hops.h"
#include "transport/identities.h"

#include <openssl/crypto.h>
#include <string.h>

#define LOOK_TIMEOUT (10 * CLOCK_S) /* for all servers */
#define HOPS_MAX 16
#define NOT_GIVEN "is encrypted and its passphrase was not given"
#define NOT_ASKED "is encrypted and was not asked for, there being others: ssh-add it"

struct unlocking {
    const struct unlock *u;
    const struct key **closed; /* asked for in vain */
    size_t count, cap;
    int64_t looked;                 /* ns so far, without the time of those who type */
    const struct ssh_options *jump; /* of the server before, which mostly is the next one's, too */
};

static bool is_closed(const struct unlocking *k, const struct key *key) {
    for (size_t i = 0; i < k->count; i++)
        if (k->closed[i] == key)
            return true;
    return false;
}

static void wipe(char *passphrase) {
    OPENSSL_cleanse(passphrase, strlen(passphrase));
    free(passphrase);
}

/* Whether it is open now. */
static bool ask(const struct unlock *u, const char *path, int times) {
    struct error ignored;
    for (int i = 0; i < times; i++) {
        char *passphrase;
        if (u->ask(path, i > 0, &passphrase, &ignored) < 0)
            return false;
        bool open = keys_unlock(u->keys, path, passphrase);
        wipe(passphrase);
        if (open)
            return true;
    }
    return false;
}

static int open_key(struct unlocking *k, const struct key *key, int times, struct error *err) {
    int64_t before = clock_now();
    bool open = ask(k->u, key->path, times);
    k->looked -= clock_now() - before;
    if (open)
        return 0;
    keys_explain(k->u->keys, key->path, NOT_GIVEN);
    if (vec_reserve(&k->closed, &k->cap, k->count + 1, sizeof(*k->closed)) != 0)
        return error_memory(err);
    k->closed[k->count++] = key;
    return 0;
}

/* A name that ssh tries by itself, in ~/.ssh. */
static bool is_usual(const char *path) {
    static const char *const names[] = {
        "/.ssh/id_rsa",        "/.ssh/id_ecdsa", "/.ssh/id_ecdsa_sk", "/.ssh/id_ed25519",
        "/.ssh/id_ed25519_sk", "/.ssh/id_xmss",  "/.ssh/id_dsa"};
    size_t n = strlen(path);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (n >= strlen(names[i]) && strcmp(path + n - strlen(names[i]), names[i]) == 0)
            return true;
    return false;
}

static bool has_other(const struct identities *ids) {
    for (size_t i = 0; i < ids->count; i++)
        if (!ids->items[i].locked)
            return true;
    return false;
}

/* Whether the agent, or another file, signs with the key. */
static bool is_signed_elsewhere(const struct identities *ids, const struct key *key) {
    for (size_t i = 0; i < ids->count && key->public; i++)
        if (!ids->items[i].locked && strcmp(ids->items[i].public->blob, key->public->blob) == 0)
            return true;
    return false;
}

static int open_needed(struct unlocking *k, const struct ssh_options *options,
                       const struct identities *ids, struct error *err) {
    bool other = has_other(ids);
    for (size_t i = 0; i < ids->file_count; i++) {
        const struct key *key = ids->files[i];
        if (key->state != KEY_ENCRYPTED || is_signed_elsewhere(ids, key) || is_closed(k, key))
            continue;
        if (other && options->identity_count > 1 && is_usual(key->path))
            keys_explain(k->u->keys, key->path, NOT_ASKED);
        else if (open_key(k, key, options->password_prompts, err) != 0)
            return -1;
        else
            other |= key->state == KEY_READY;
    }
    return 0;
}

static int look_at(struct unlocking *k, const struct ssh_options *options, const char *identity,
                   struct error *err) {
    const struct unlock *u = k->u;
    struct identity_sources from = {.options = options,
                                    .identity = identity,
                                    .keys = u->keys,
                                    .keyring = u->keyring,
                                    .cancel = u->cancel};
    struct identities ids = {0};
    int rc = identities_gather(&from, deadline_in(LOOK_TIMEOUT - k->looked), &ids, err);
    if (rc == 0)
        rc = open_needed(k, options, &ids, err);
    identities_done(&ids);
    return rc;
}

/* The jump host before it, or NULL: there is none, or the run will say what is wrong with it. */
static const struct ssh_options *jump_of(const struct unlocking *k,
                                         const struct ssh_options *options) {
    struct error ignored;
    cleanup(hop_done) struct hop hop = {0};
    const struct ssh_options *jump = NULL;
    if (options->proxy_jump && hop_last(options->proxy_jump, &hop, &ignored) == 0 &&
        sshconfig_resolve_jump(k->u->config, hop.host, hop.user, hop.port, hop.before,
                               deadline_in(LOOK_TIMEOUT - k->looked), &jump, &ignored) != 0)
        return NULL;
    return jump;
}

static int look_at_way(struct unlocking *k, const struct server *server, struct error *err) {
    const struct ssh_options *options;
    struct error ignored;
    int64_t deadline = deadline_in(LOOK_TIMEOUT - k->looked);
    if (sshconfig_resolve(k->u->config, server, deadline, &options, &ignored) != 0)
        return 0; /* the run says what is wrong with it */
    int rc = look_at(k, options, server->identity, err);
    const struct ssh_options *first = rc == 0 ? jump_of(k, options) : NULL, *jump = first;
    sshconfig_release(k->u->config, options);
    if (rc != 0)
        return -1;
    for (int i = 0; jump && jump != k->jump && i < HOPS_MAX; i++, jump = jump_of(k, jump))
        if (look_at(k, jump, NULL, err) != 0)
            return -1;
    k->jump = first;
    return 0;
}

int unlock_keys(const struct unlock *u, const struct servers *servers, struct error *err) {
    struct unlocking k = {.u = u};
    int rc = 0;
    for (size_t i = 0; i < servers->count && rc == 0 && k.looked < LOOK_TIMEOUT; i++) {
        int64_t before = clock_now();
        rc = look_at_way(&k, &servers->items[i], err);
        k.looked += clock_now() - before;
    }
    free(k.closed);
    return rc;
}
