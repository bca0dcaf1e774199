/*
 * identities: see identities.h.
 *
 * Candidates are put into `items` in their final order by one pass for each of the four sorts; an
 * offer is known by its blob, so that one which is there already is not added again. A PEM file
 * without a .pub beside it is no match for a key of the agent: OpenSSH, too, does not open it until
 * its turn has come.
 */
#include "transport/identities.h"

#include "base/str.h"
#include "base/vec.h"

#include <string.h>

static bool same(const struct pubkey *a, const struct pubkey *b) {
    return a && b && strcmp(a->blob, b->blob) == 0;
}

/* ---- who signs ----------------------------------------------------------------------------- */

static const struct pubkey *find_in_agent(const struct identities *ids, const char *blob) {
    for (size_t i = 0; ids->agent && i < ids->agent->count; i++)
        if (strcmp(ids->agent->items[i]->blob, blob) == 0)
            return ids->agent->items[i];
    return NULL;
}

/* The file with the private half; when there is none, the last one that would have it. */
static const struct key *find_file(const struct identities *ids, const char *blob) {
    const struct key *found = NULL;
    for (size_t i = 0; i < ids->file_count; i++) {
        const struct key *file = ids->files[i];
        if (!file->public || strcmp(file->public->blob, blob) != 0)
            continue;
        if (file->state == KEY_READY)
            return file;
        found = file;
    }
    return found;
}

/*
 * A private key that was read signs at no cost and cannot hang, so it comes before the agent. The
 * agent may have a certificate without its key, which then signs for itself.
 */
static void find_signer(const struct identities *ids, struct identity *id) {
    const char *blob = id->public->certifies ? id->public->certifies : id->public->blob;
    const struct key *file = find_file(ids, blob);
    if (file && file->state == KEY_READY) {
        id->private = file;
        return;
    }
    id->with = find_in_agent(ids, blob);
    if (!id->with)
        id->with = find_in_agent(ids, id->public->blob);
    if (!id->with)
        id->locked = file ? file : id->file;
}

/* ---- what is offered ----------------------------------------------------------------------- */

static bool is_offered(const struct identities *ids, const struct pubkey *public) {
    for (size_t i = 0; i < ids->count; i++)
        if (same(ids->items[i].public, public))
            return true;
    return false;
}

static bool is_allowed(const struct ssh_options *o, const struct pubkey *public) {
    return pubkey_allowed(public, o->pubkey_algorithms) &&
           (public->rsa_bits == 0 || public->rsa_bits >= o->rsa_min_bits);
}

static int offer(struct identities *ids, const struct ssh_options *o, const struct pubkey *public,
                 const struct key *file, struct error *err) {
    if (!public->key || !is_allowed(o, public) || is_offered(ids, public))
        return 0;
    if (vec_reserve(&ids->items, &ids->cap, ids->count + 1, sizeof(*ids->items)) != 0)
        return error_memory(err);
    struct identity id = {.public = public, .file = file};
    find_signer(ids, &id);
    ids->items[ids->count++] = id;
    return 0;
}

static bool is_file(const struct identities *ids, const struct pubkey *public) {
    for (size_t i = 0; i < ids->file_count; i++)
        if (!ids->files[i]->derived && same(ids->files[i]->public, public))
            return true;
    return false;
}

/* The agent's keys that are identity files, or those that are none. */
static int offer_agent(struct identities *ids, const struct ssh_options *o, bool files,
                       struct error *err) {
    for (size_t i = 0; ids->agent && i < ids->agent->count; i++) {
        const struct pubkey *public = ids->agent->items[i];
        if (is_file(ids, public) != files)
            continue;
        const struct key *file = files ? find_file(ids, public->blob) : NULL;
        if (offer(ids, o, public, file, err) != 0)
            return -1;
    }
    return 0;
}

static int offer_files(struct identities *ids, const struct ssh_options *o, struct error *err) {
    for (size_t i = 0; i < ids->file_count; i++)
        if (ids->files[i]->public && offer(ids, o, ids->files[i]->public, ids->files[i], err) != 0)
            return -1;
    return 0;
}

/* ---- what there is ------------------------------------------------------------------------- */

static int add_file(struct identities *ids, struct keys *keys, const char *path,
                    struct error *err) {
    const struct key *key;
    if (keys_get(keys, path, &key, err) != 0)
        return -1;
    for (size_t i = 0; i < ids->file_count; i++)
        if (ids->files[i] == key)
            return 0;
    if (vec_reserve(&ids->files, &ids->file_cap, ids->file_count + 1, sizeof(*ids->files)) != 0)
        return error_memory(err);
    ids->files[ids->file_count++] = key;
    return 0;
}

static int add_identity(struct identities *ids, const struct identity_sources *from,
                        const char *path, struct error *err) {
    if (add_file(ids, from->keys, path, err) != 0)
        return -1;
    if (from->options->certificate_count > 0)
        return 0;
    cleanup(str_done) struct str name = {0};
    const struct key *certificate;
    str_addf(&name, "%s-cert", path);
    if (name.failed)
        return error_memory(err);
    if (keys_get(from->keys, name.data, &certificate, err) != 0)
        return -1;
    return certificate->public && certificate->public->certifies
               ? add_file(ids, from->keys, name.data, err)
               : 0;
}

static int add_files(struct identities *ids, const struct identity_sources *from,
                     struct error *err) {
    const struct ssh_options *o = from->options;
    if (from->identity && add_identity(ids, from, from->identity, err) != 0)
        return -1;
    for (size_t i = 0; i < o->identity_count; i++)
        if (add_identity(ids, from, o->identity_files[i], err) != 0)
            return -1;
    return 0;
}

static int offer_certificates(struct identities *ids, const struct identity_sources *from,
                              struct error *err) {
    for (size_t i = 0; i < from->options->certificate_count; i++) {
        const struct key *file;
        if (keys_get(from->keys, from->options->certificate_files[i], &file, err) != 0)
            return -1;
        if (file->public && file->public->certifies &&
            offer(ids, from->options, file->public, file, err) != 0)
            return -1;
    }
    return 0;
}

int identities_gather(const struct identity_sources *from, int64_t deadline, struct identities *ret,
                      struct error *err) {
    const struct ssh_options *o = from->options;
    if (!o->pubkey_authentication)
        return 0;
    if (add_files(ret, from, err) != 0)
        return -1;
    if (o->identity_agent && keyring_list(from->keyring, o->identity_agent, from->cancel, deadline,
                                          &ret->agent, err) != 0)
        return -1;
    if (offer_certificates(ret, from, err) != 0 || offer_agent(ret, o, true, err) != 0 ||
        (!o->identities_only && offer_agent(ret, o, false, err) != 0))
        return -1;
    return offer_files(ret, o, err);
}

void identities_done(struct identities *ids) {
    free(ids->items);
    free(ids->files);
    *ids = (struct identities){0};
}
