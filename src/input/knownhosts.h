/*
 * knownhosts: the user's known_hosts files, and the lines in them that are about a host.
 *
 * Files are read once and indexed, then shared read-only. The rules are OpenSSH's (sshd(8),
 * "SSH_KNOWN_HOSTS FILE FORMAT"): comma-separated patterns with * and ?, negation with !, hashed
 * names (HMAC-SHA1), `[host]:port` for other ports than 22, @revoked and @cert-authority markers,
 * comments, tabs, CRLF, lines of any length. A line that cannot be read is passed over, as OpenSSH
 * does. What the lines mean for a key is input/hostjudge.h.
 *
 * `host` is what the files call the host: the HostKeyAlias with port 0 when there is one, otherwise
 * the HostName that ssh_config led to, and the port. Case does not matter. Port 0 is 22.
 *
 * Threads: a table is read-only once loaded; any thread may search it.
 */
#pragma once

#include "base/error.h"
#include "sync/cancel.h"

#include <stdbool.h>
#include <stddef.h>

struct knownhosts;

enum knownhosts_marker { KNOWNHOSTS_PLAIN, KNOWNHOSTS_REVOKED, KNOWNHOSTS_AUTHORITY };

struct knownhosts_line {
    const char *file;
    int number;
    enum knownhosts_marker marker;
    const char *type; /* the key's own, as of hostkey_type() */
    const char *key;  /* base64; equal keys have equal texts */
};

/* Lines that are about one name, in the files' order. */
struct knownhosts_lines {
    const struct knownhosts_line **items;
    size_t count, cap;
};

/*
 * Reads the files in their order, the user's first; one that is not there or cannot be read is
 * empty, as it is to ssh. Fails with ERROR_INTERNAL only.
 */
int knownhosts_load(const char *const *files, size_t count, struct knownhosts **ret,
                    struct error *err) must_use;
void knownhosts_free(struct knownhosts *k);

/* Whether the files write a host at this port without it. */
static inline bool knownhosts_bare(int port) {
    return port == 0 || port == 22;
}

/*
 * The lines about one name, markers and all; they live as long as the table. A search tries every
 * hidden name, 0.1 us each, so it is worth keeping. Fails with ERROR_INTERNAL.
 */
int knownhosts_find(const struct knownhosts *k, const char *host, int port,
                    struct knownhosts_lines *ret, struct error *err) must_use;
void knownhosts_lines_done(struct knownhosts_lines *lines);

/* A new key. `type` is its own: "ssh-rsa", not "rsa-sha2-512". */
struct knownhosts_addition {
    const char *host; /* NULL: not it, its address alone */
    int port;
    const char *address; /* numeric, or NULL */
    int address_port;
    const char *type;
    const char *key;
    bool hashed;
    const struct cancel *cancel; /* ends the wait for the lock, which is 5 s at most; NULL: none */
};

/*
 * Appends a new key to the file (made with its folder, for its owner alone, when it is not there)
 * under a lock on the file: one line, or where names are hidden one for each; nothing is written
 * for a name under which the file has the key by then, or when it is no regular file (/dev/null).
 * Fails with ERROR_HOST_KEY and the path: also for a name that ssh would not record, for a
 * malformed key, and when the lock is not free within five seconds; with ERROR_INTERRUPTED when the
 * token fires first.
 */
int knownhosts_append(const char *file, const struct knownhosts_addition *a,
                      struct error *err) must_use;

/* Whether ssh would record a host of this name. */
bool knownhosts_recordable(const char *host);
