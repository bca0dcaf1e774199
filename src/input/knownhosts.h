/*
 * knownhosts: whether a host key is the one that the user's known_hosts files say.
 *
 * Files are read once and indexed, then shared read-only. The rules are OpenSSH's (sshd(8),
 * "SSH_KNOWN_HOSTS FILE FORMAT"): comma-separated patterns with * and ?, negation with !, hashed
 * names (HMAC-SHA1), `[host]:port` for other ports than 22, @revoked and @cert-authority markers,
 * comments, tabs, CRLF, lines of any length. A line that cannot be read is passed over, as OpenSSH
 * does.
 *
 * Threads: a table is read-only once loaded; any thread may look up.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct knownhosts;

enum knownhosts_status {
    KNOWNHOSTS_MATCH,
    KNOWNHOSTS_UNKNOWN, /* no key of this host is known */
    KNOWNHOSTS_CHANGED, /* keys are known, and this is none of them */
    KNOWNHOSTS_REVOKED, /* this key is marked @revoked for this host */
};

struct knownhosts_answer {
    enum knownhosts_status status;
    const char *file; /* where the deciding line stands; NULL when unknown */
    int line;
    const char *known_type; /* of the key on that line: "ssh-ed25519" */
    const char *known_key;  /* base64 of the key on that line, for its fingerprint */
};

/*
 * Reads the files; one that does not exist is empty, one that cannot be read is passed over with a
 * debug line in the log. Fails with ERROR_INTERNAL only.
 */
int knownhosts_load(const char *const *files, size_t count, struct knownhosts **ret,
                    struct error *err) must_use;
void knownhosts_free(struct knownhosts *k);

/* Looks up a key: `type` as in "ssh-ed25519", `key` in base64 as in the file. */
void knownhosts_check(const struct knownhosts *k, const char *host, int port, const char *type,
                      const char *key, struct knownhosts_answer *ret);

/*
 * The types of the keys known for the host, in the files' order, each once: at most `max` are
 * written to types[]. OpenSSH asks a server for a key of a known type first.
 */
size_t knownhosts_types(const struct knownhosts *k, const char *host, int port, const char **types,
                        size_t max);

/* Whether a @cert-authority line matches the host. */
bool knownhosts_has_authority(const struct knownhosts *k, const char *host, int port);

/*
 * Appends a line for a new key to the file (made with its folder when it is not there), hashed or
 * plain, under a lock on the file; nothing is written when the key is in it by then. Fails with
 * ERROR_HOST_KEY and the path.
 */
int knownhosts_append(const char *file, const char *host, int port, const char *type,
                      const char *key, bool hashed, struct error *err) must_use;
