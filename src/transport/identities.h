/*
 * identities: which keys are offered to a server, in which order, and who signs with each.
 *
 * The order is OpenSSH's: the certificates of CertificateFile; the agent's keys that are identity
 * files, as the agent lists them; the agent's other keys, unless IdentitiesOnly; the other identity
 * files, each followed by the certificate of FILE-cert.pub unless there is a CertificateFile. A key
 * whose public half alone is known is offered, too, as OpenSSH does: whether the server would take
 * it is what its user needs to know. Left out are keys that PubkeyAcceptedAlgorithms or
 * RequiredRSASize exclude, and, other than with OpenSSH, any that was offered before.
 *
 * Threads: any thread; the lists belong to the caller, what they point to is shared.
 */
#pragma once

#include "input/sshconfig.h"
#include "transport/keyring.h"
#include "transport/keys.h"

/* What came of offering one. */
enum offered {
    OFFERED_NOT,
    OFFERED_REFUSED,
    OFFERED_TAKEN,    /* but the server wants more */
    OFFERED_WANTED,   /* the server would take it, but nobody can sign */
    OFFERED_UNSIGNED, /* likewise, but the agent does not answer */
    OFFERED_DECLINED, /* likewise, but the agent refuses to sign */
};

/* One of `private`, `with` and `locked` is set. */
struct identity {
    const struct pubkey *public;
    const struct key *file;    /* where it comes from; NULL: from the agent alone */
    const struct key *private; /* the file that signs */
    const struct pubkey *with; /* the key that the agent signs with */
    const struct key *locked;  /* nobody signs, because of this file: see its `why` */
    enum offered offered;
};

struct identities {
    struct identity *items;
    size_t count, cap;
    const struct agent_keys *agent; /* NULL: there is none */
    const struct key **files;       /* the identity files, in their order */
    size_t file_count, file_cap;
};

/* What is looked at; all borrowed. */
struct identity_sources {
    const struct ssh_options *options;
    const char *identity; /* a file before the options', or NULL */
    struct keys *keys;
    struct keyring *keyring;
    struct cancel *cancel;
};

/* Fills *ret, which is empty; identities_done() in any case. Fails as keyring_list(). */
int identities_gather(const struct identity_sources *from, int64_t deadline, struct identities *ret,
                      struct error *err) must_use;

void identities_done(struct identities *ids);
