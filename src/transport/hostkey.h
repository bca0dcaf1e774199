/*
 * hostkey: whether the key that a server has shown is the one that the user knows.
 *
 * libssh's own check is never asked: it accepts revoked and negated entries, and reads the whole
 * known_hosts for each session. The user's files are read once per run (input/knownhosts.h,
 * input/revoked.h) and searched once for each server; what they mean is ssh's
 * (input/hostjudge.h). libssh knows no host certificates: where one could matter, the ssh program
 * has to judge.
 *
 * Threads: hostkeys are for any thread, one server's hostkey for one.
 */
#pragma once

#include "base/str.h"
#include "input/sshconfig.h"
#include "sync/cancel.h"

#include <libssh/libssh.h>

struct hostkeys;
struct hostkey;

int hostkeys_new(struct cancel *cancel, struct hostkeys **ret, struct error *err) must_use;
void hostkeys_free(struct hostkeys *h);

/*
 * What is known of a server's host key. `name` is the server's, for sentences; it and the options
 * are borrowed. Fails with ERROR_INTERNAL.
 */
int hostkey_new(struct hostkeys *h, const struct ssh_options *options, const char *name,
                struct hostkey **ret, struct error *err) must_use;
void hostkey_free(struct hostkey *k);

/* Why the ssh program must judge the server's key, or NULL; a constant. */
const char *hostkey_needs_program(const struct hostkey *k);

/*
 * Whether a certificate of the server's would be judged in another way than its plain key is: an
 * authority is known for it, or what is revoked could be one.
 */
bool hostkey_heeds_certificates(const struct hostkey *k);

/*
 * Appends the signature algorithms to ask for, as libssh takes them; those for the types of keys
 * that are known for the host come first where ssh does so, so that a server with several keys
 * shows one that can be judged.
 */
void hostkey_add_algorithms(const struct hostkey *k, struct str *out);

/*
 * Judges the key of a session that has ended its key exchange, and records a new one where
 * StrictHostKeyChecking says so. *trusted is false where checking is off and the key is not the one
 * that is known: then no password may be sent. Fails with ERROR_HOST_KEY (unknown, changed,
 * revoked) or ERROR_INTERNAL.
 */
int hostkey_check(const struct hostkey *k, ssh_session session, bool *trusted,
                  struct error *err) must_use;
