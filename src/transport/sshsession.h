/*
 * sshsession: the session operations of the ssh transport: one channel at a time over one link.
 */
#pragma once

#include "input/sshconfig.h"
#include "transport/connect.h"
#include "transport/link.h"
#include "transport/transport.h"

/*
 * A session over a link that is logged in, which it takes (and leaves an empty one behind). Of the
 * options, which are the configuration's and which it holds, it sends the environment before each
 * command; what the server does not take of that is left out, as ssh leaves it out. Fails with
 * ERROR_INTERNAL.
 */
int sshsession_new(struct link *l, const char address[ADDRESS_TEXT], struct sshconfig *config,
                   const struct ssh_options *options, struct session **ret,
                   struct error *err) must_use;
