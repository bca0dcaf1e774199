/*
 * hostkey: whether the key that a server has shown is the one that the user knows.
 *
 * libssh's own check is never asked: it accepts revoked and negated entries, and reads the whole
 * known_hosts for each session. The files are read once per run (input/knownhosts.h) for each
 * distinct list of files.
 *
 * Threads: any thread.
 */
#pragma once

#include "base/str.h"
#include "input/knownhosts.h"
#include "input/sshconfig.h"

#include <libssh/libssh.h>

struct hostkeys;

int hostkeys_new(struct hostkeys **ret, struct error *err) must_use;
void hostkeys_free(struct hostkeys *h);

/* The table of the options' files; lives as long as the hostkeys. */
int hostkeys_table(struct hostkeys *h, const struct ssh_options *options,
                   const struct knownhosts **ret, struct error *err) must_use;

/*
 * Whether only a certificate authority is known for the host: libssh knows no host certificates.
 */
bool hostkey_needs_certificate(const struct knownhosts *table, const struct ssh_options *options);

/*
 * Appends the signature algorithms to ask for, as libssh takes them, those for the types of keys
 * that are known for the host before the others, so that a server with several keys shows one that
 * can be judged.
 */
void hostkey_add_algorithms(const struct knownhosts *table, const struct ssh_options *options,
                            struct str *out);

/*
 * Judges the key of a session that has ended its key exchange. `name` is the server, for sentences.
 * *trusted is false where StrictHostKeyChecking is off and the key has changed: then no password
 * may be sent. Fails with ERROR_HOST_KEY (unknown, changed, revoked; a new key could not be kept)
 * or ERROR_INTERNAL.
 */
int hostkey_check(const struct knownhosts *table, const struct ssh_options *options,
                  const char *name, ssh_session session, bool *trusted, struct error *err) must_use;
