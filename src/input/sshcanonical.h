/*
 * sshcanonical: CanonicalizeHostname and its companions.
 */
#pragma once

#include "input/sshevaluate.h"

/*
 * Makes *host, allocated, what OpenSSH connects to after a first pass over the configuration: in
 * lower case, an address in its usual form, a name completed by CanonicalDomains. Fails as
 * ssh_evaluate() does.
 */
int ssh_canonicalize(const struct ssh_question *q, const struct ssh_answer *a, char **host,
                     struct error *err) must_use;

/* Whether names are completed at all. */
bool ssh_canonicalizes(const struct ssh_answer *a);

/* AF_UNSPEC, AF_INET or AF_INET6. */
int ssh_answer_family(const struct ssh_answer *a);
