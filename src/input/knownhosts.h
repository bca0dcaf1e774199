/*
 * knownhosts: whether a host key is the one that the user's known_hosts files say.
 *
 * Files are read once and indexed, then shared read-only. The rules are OpenSSH's (sshd(8),
 * "SSH_KNOWN_HOSTS FILE FORMAT"): comma-separated patterns with * and ?, negation with !, hashed
 * names (HMAC-SHA1), `[host]:port` for other ports than 22, @revoked and @cert-authority markers,
 * comments, tabs, CRLF, lines of any length. A line that cannot be read is passed over, as OpenSSH
 * does.
 *
 * `host` is what the files call the host: the HostKeyAlias with port 0 when there is one, otherwise
 * the HostName that ssh_config led to, and the port. Case does not matter. Port 0 is 22.
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
    KNOWNHOSTS_UNKNOWN, /* no key of this host is known: StrictHostKeyChecking decides */
    /*
     * Keys are known, and this is none of them, be they of other types alone: ssh refuses it under
     * accept-new too.
     */
    KNOWNHOSTS_CHANGED,
    KNOWNHOSTS_REVOKED, /* this key is marked @revoked for this host */
};

struct knownhosts_answer {
    enum knownhosts_status status;
    const char *file;       /* where the deciding line stands; NULL when unknown */
    int line;               /* of a changed key: the last line that has another, as ssh says it */
    const char *known_type; /* of the key on that line: "ssh-ed25519" */
    const char *known_key;  /* base64 of the key on that line, for its fingerprint */
};

/*
 * Reads the files in their order, the user's first; one that is not there or cannot be read is
 * empty, as it is to ssh. Fails with ERROR_INTERNAL only.
 */
int knownhosts_load(const char *const *files, size_t count, struct knownhosts **ret,
                    struct error *err) must_use;
void knownhosts_free(struct knownhosts *k);

/*
 * Looks up a key in base64, as in the file; it says its type itself, whatever signature algorithm
 * was negotiated. For a port other than 22 that no line knows, a key of the bare name counts as
 * known, and so does its revocation (ssh warns of the latter, and then goes on under accept-new).
 * The answer's strings live as long as the table.
 */
void knownhosts_check(const struct knownhosts *k, const char *host, int port, const char *key,
                      struct knownhosts_answer *ret);

/*
 * The types of the keys known for the host, in the files' order, each once: at most `max` are
 * written to types[]. OpenSSH asks a server for a key of a known type first.
 */
size_t knownhosts_types(const struct knownhosts *k, const char *host, int port, const char **types,
                        size_t max);

/* Whether a @cert-authority line matches the host, or the bare name when the port is not 22. */
bool knownhosts_has_authority(const struct knownhosts *k, const char *host, int port);

/*
 * Appends a line for a new key to the file (made with its folder, for its owner alone, when it is
 * not there), hashed or plain, under a lock on the file; nothing is written when the key is in it
 * by then, or when it is no regular file (/dev/null). `type` is the key's own: "ssh-rsa", not
 * "rsa-sha2-512". Fails with ERROR_HOST_KEY and the path: also for a name that ssh would not
 * record, for a malformed key, and when the lock is not free within five seconds.
 */
int knownhosts_append(const char *file, const char *host, int port, const char *type,
                      const char *key, bool hashed, struct error *err) must_use;
