/*
 * sshoptions: what `ssh -G` prints, read into struct ssh_options.
 */
#pragma once

#include "input/sshconfig.h"
#include "input/sshexpand.h"

/*
 * Reads the output of `ssh -G` for the host `original`. Lists of algorithms that `usual` (the
 * output without any configuration, or NULL) has, too, are left out. Fails with ERROR_UNREACHABLE
 * when it is no such output, and with ERROR_INTERNAL.
 */
int ssh_options_read(const char *output, const char *usual, const char *original,
                     const struct local_user *local, struct ssh_options *ret,
                     struct error *err) must_use;

/* What OpenSSH would do for the server without a configuration. NULL, 0: not given. */
int ssh_options_default(const char *host, const char *user, int port, const char *identity,
                        const struct local_user *local, struct ssh_options *ret,
                        struct error *err) must_use;

void ssh_options_done(struct ssh_options *o);
