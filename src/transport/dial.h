/*
 * dial: a descriptor that is connected to a server, whatever its options say it takes: a connection
 * of its own, a channel through a jump host (ProxyJump), or a command of the user's (ProxyCommand).
 */
#pragma once

#include "transport/sshlink.h"

/*
 * Takes a turn for the link and connects: *fd does not block and is closed on exec,
 * `address` says where it leads to. Where it is no connection of its own, the link gets a carrier.
 * Fails, and fills *unsupported, as sshlink_open() does. Any thread.
 */
int dial(const struct sshkit *kit, const struct sshlink_request *request, struct link *link,
         int *fd, char address[ADDRESS_TEXT], const char **unsupported, struct error *err) must_use;
