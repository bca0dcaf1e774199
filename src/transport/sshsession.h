/*
 * sshsession: the session operations of the ssh transport: one channel at a time over one link.
 */
#pragma once

#include "transport/connect.h"
#include "transport/link.h"
#include "transport/transport.h"

/*
 * A session over a link that is logged in, which it takes (and leaves an empty one behind).
 * Fails with ERROR_INTERNAL.
 */
int sshsession_new(struct link *l, const char address[ADDRESS_TEXT], struct session **ret,
                   struct error *err) must_use;
